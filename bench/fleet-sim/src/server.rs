//! A server: the lowest free slot for each connection.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Added to the slots that are given during a drain.
const DRAIN_SLOT: u32 = 1_000_000_000;

/// What a server is doing.
#[derive(Clone, Copy, PartialEq)]
pub enum State {
    /// Nothing listens.
    Down,
    /// Gives slots.
    Up,
    /// Gives slots that no full pool wants, until this time (us); then closes every connection at once.
    Draining(u64),
}

/// The server.
pub struct Server {
    /// What it is doing.
    pub state: State,
    /// Counts its lives: a connection of an earlier one is dead.
    pub life: u32,
    /// Connections that pools keep.
    pub held: u32,
    returned: BinaryHeap<Reverse<u32>>,
    unused: u32,
}

impl Server {
    /// A server that listens and has no connection.
    pub fn new() -> Self {
        Self { state: State::Up, life: 0, held: 0, returned: BinaryHeap::new(), unused: 0 }
    }

    /// Takes the lowest free place.
    pub fn take(&mut self) -> u32 {
        self.returned.pop().map_or_else(
            || {
                self.unused += 1;
                self.unused - 1
            },
            |Reverse(place)| place,
        )
    }

    /// Frees a place.
    pub fn give_back(&mut self, place: u32) {
        self.returned.push(Reverse(place));
    }

    /// The slot that is announced for a place.
    pub fn announce(&self, place: u32) -> u32 {
        if matches!(self.state, State::Draining(_)) { DRAIN_SLOT + place } else { place }
    }

    /// Goes down, with all its connections.
    pub fn die(&mut self) {
        self.state = State::Down;
        self.life += 1;
        self.held = 0;
        self.returned.clear();
        self.unused = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_lowest_free_place() {
        let mut server = Server::new();
        assert_eq!([server.take(), server.take(), server.take()], [0, 1, 2]);
        server.give_back(1);
        server.give_back(0);
        assert_eq!([server.take(), server.take(), server.take()], [0, 1, 3]);
    }

    #[test]
    fn announces_slots_that_no_pool_wants_while_it_drains() {
        let mut server = Server::new();
        server.state = State::Draining(1);
        assert_eq!(server.announce(3), DRAIN_SLOT + 3);
    }
}
