//! The simulation: discrete events, each packet one of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::client::{Client, Held};
use crate::rng::Rng;
use crate::server::{Server, State};

#[derive(Clone, Copy)]
enum Event {
    /// An interval of a rover has passed. With the serial of the tick.
    Tick(u32, u32),
    /// A pool may have room.
    Fill(u32),
    /// The connect reaches the server.
    Arrive(u32),
    /// The slot reaches the client.
    Reply(u32),
    /// The server refused, or closed without a slot.
    Failed(u32),
    /// The server learns that the connection is closed.
    Freed(u32),
    /// The client learns that the connection is gone. With the serial of the connection.
    Lost(u32, u32),
    /// A server that drains ends a connection. With the serial of the connection.
    Expire(u32, u32),
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    InFlight,
    Held,
    Closing,
    Unused,
}

#[derive(Clone, Copy)]
struct Conn {
    client: u32,
    server: u32,
    /// The life of the server that it was accepted in.
    life: u32,
    place: u32,
    slot: u32,
    stage: Stage,
    serial: u32,
    /// Whether a tick of the rover made it, or the fill of the pool.
    is_tick: bool,
}

struct Entry {
    time: u64,
    serial: u64,
    event: Event,
}

/// All since the beginning.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Attempts, of rovers and of pools. The following are what became of them.
    pub attempts: u64,
    /// Kept.
    pub kept: u64,
    /// Of those, kept in place of a worse one.
    pub swaps: u64,
    /// Not wanted.
    pub rejected: u64,
    /// The server could not be reached, or closed the connection without a slot.
    pub unreachable: u64,
}

/// The fleet.
pub struct World {
    rng: Rng,
    now: u64,
    size: usize,
    latency: u64,
    queue: BinaryHeap<Entry>,
    entries: u64,
    /// By id.
    pub servers: Vec<Server>,
    clients: Vec<Client>,
    conns: Vec<Conn>,
    unused: Vec<u32>,
    /// Servers that clients know.
    table: Vec<u32>,
    /// By id, whether they are in the table.
    is_listed: Vec<bool>,
    /// All since the beginning.
    pub counts: Counts,
}

impl World {
    /// A fleet without clients and servers. `size` is that of the pools, `latency` of a packet one way, in us.
    pub fn new(size: usize, latency: u64, seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            now: 0,
            size,
            latency,
            queue: BinaryHeap::new(),
            entries: 0,
            servers: Vec::new(),
            clients: Vec::new(),
            conns: Vec::new(),
            unused: Vec::new(),
            table: Vec::new(),
            is_listed: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Lets time pass, up to this one.
    pub fn run_until(&mut self, time: u64) {
        while self.queue.peek().is_some_and(|entry| entry.time <= time) {
            let Some(entry) = self.queue.pop() else { break };
            self.now = entry.time;
            self.handle(entry.event);
        }
        self.now = time;
    }

    /// More servers listen, and are in the tables.
    pub fn add_servers(&mut self, count: usize) {
        for _ in 0..count {
            self.table.push(self.servers.len() as u32);
            self.is_listed.push(true);
            self.servers.push(Server::new());
        }
    }

    /// More clients begin, all at this moment.
    pub fn add_clients(&mut self, count: usize) {
        for _ in 0..count {
            let id = self.clients.len() as u32;
            let client = Client::new(self.size);
            let first = client.first_interval(&mut self.rng);
            self.clients.push(client);
            self.schedule(id, self.now + first);
            self.attempt(id, true);
            self.begin_fill(id);
        }
    }

    /// A server goes down, with all its connections.
    pub fn stop(&mut self, server: u32) {
        self.servers[server as usize].die();
        for conn in 0..self.conns.len() {
            let Conn { server: other, stage, serial, .. } = self.conns[conn];
            if other == server && stage == Stage::Held {
                let time = self.now + self.latency();
                self.at(time, Event::Lost(conn as u32, serial));
            }
        }
    }

    /// A server listens again, empty.
    pub fn start(&mut self, server: u32) {
        self.servers[server as usize].state = State::Up;
    }

    /// Servers leave the tables.
    pub fn drop(&mut self, servers: &[u32]) {
        for &server in servers {
            self.is_listed[server as usize] = false;
        }
        let is_listed = &self.is_listed;
        self.table.retain(|&server| is_listed[server as usize]);
        for client in 0..self.clients.len() {
            for held in self.clients[client].take_unlisted(&self.is_listed) {
                self.close(held.conn);
                self.fill_again(client as u32);
            }
        }
    }

    /// A server is in the tables again.
    pub fn list(&mut self, server: u32) {
        if !std::mem::replace(&mut self.is_listed[server as usize], true) {
            self.table.push(server);
        }
    }

    /// A server ends its connections in a random order, evenly over a time.
    pub fn drain(&mut self, server: u32, over: u64) {
        self.servers[server as usize].state = State::Draining(self.now + over);
        let is_open = |conn: &Conn| conn.server == server && conn.stage == Stage::Held;
        let ids = 0..self.conns.len() as u32;
        let mut open: Vec<u32> = ids.filter(|&id| is_open(&self.conns[id as usize])).collect();
        self.rng.shuffle(&mut open);
        let count = open.len() as u64;
        for (n, conn) in open.into_iter().enumerate() {
            let time = self.now + over * (n as u64 + 1) / count;
            self.at(time, Event::Expire(conn, self.conns[conn as usize].serial));
        }
    }

    fn at(&mut self, time: u64, event: Event) {
        self.entries += 1;
        self.queue.push(Entry { time, serial: self.entries, event });
    }

    /// Each packet takes half of the latency to one and a half.
    fn latency(&mut self) -> u64 {
        self.rng.jittered(self.latency, 0.5)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Tick(client, serial) => self.tick(client, serial),
            Event::Fill(client) => self.fill(client),
            Event::Arrive(conn) => self.arrive(conn),
            Event::Reply(conn) => self.reply(conn),
            Event::Failed(conn) => self.fail(conn),
            Event::Freed(conn) => {
                let Conn { server, life, place, .. } = self.conns[conn as usize];
                let server = &mut self.servers[server as usize];
                if server.life == life {
                    server.give_back(place);
                }
                self.discard(conn);
            }
            Event::Lost(conn, serial) => self.lose(conn, serial),
            Event::Expire(conn, serial) => {
                if self.is_held(conn, serial) {
                    let time = self.now + self.latency();
                    self.at(time, Event::Lost(conn, serial));
                }
            }
        }
    }

    fn is_held(&self, conn: u32, serial: u32) -> bool {
        let conn = &self.conns[conn as usize];
        conn.serial == serial && conn.stage == Stage::Held
    }

    // Ticks of the rover, and the fill of the pool.

    fn tick(&mut self, client: u32, serial: u32) {
        if self.clients[client as usize].serial != serial {
            return;
        }
        let interval = self.clients[client as usize].next_interval(&mut self.rng);
        self.schedule(client, self.now + interval);
        self.attempt(client, true);
    }

    fn schedule(&mut self, client: u32, due: u64) {
        let this = &mut self.clients[client as usize];
        this.serial += 1;
        this.due = due;
        let serial = this.serial;
        self.at(due, Event::Tick(client, serial));
    }

    /// The rover begins anew with its shortest interval.
    fn hurry(&mut self, client: u32) {
        let this = &mut self.clients[client as usize];
        if !this.reset_interval() {
            return;
        }
        let due = self.now + this.next_interval(&mut self.rng);
        if due < self.clients[client as usize].due {
            self.schedule(client, due);
        }
    }

    /// Puts the next tick off, where the interval has become longer.
    fn note_vain_attempt(&mut self, client: u32) {
        let this = &mut self.clients[client as usize];
        let longer = this.note_vain_attempt();
        if longer > 0 {
            let due = this.due + longer;
            self.schedule(client, due);
        }
    }

    fn begin_fill(&mut self, client: u32) {
        let this = &mut self.clients[client as usize];
        if this.is_filling || this.is_full() {
            return;
        }
        this.is_filling = true;
        let time = self.now + Client::fill_delay(&mut self.rng);
        self.at(time, Event::Fill(client));
    }

    fn fill(&mut self, client: u32) {
        let this = &mut self.clients[client as usize];
        this.is_filling = !this.is_full();
        if !this.is_filling {
            return;
        }
        let time = self.now + this.fill_interval(&mut self.rng);
        self.at(time, Event::Fill(client));
        self.attempt_fill(client);
    }

    fn attempt_fill(&mut self, client: u32) {
        self.clients[client as usize].note_fill_attempt();
        self.attempt(client, false);
    }

    /// A pool has room again: its rover takes any slot, which is a raised `MAX_SLOT`.
    fn fill_again(&mut self, client: u32) {
        self.hurry(client);
        self.begin_fill(client);
    }

    // An attempt, step by step.

    fn attempt(&mut self, client: u32, is_tick: bool) {
        let this = &mut self.clients[client as usize];
        let Some(server) = this.pick(&self.table, self.now, &mut self.rng) else { return };
        self.counts.attempts += 1;
        let conn = self.unused.pop().unwrap_or(self.conns.len() as u32);
        let serial = self.conns.get(conn as usize).map_or(0, |old| old.serial);
        let stage = Stage::InFlight;
        let new = Conn { client, server, life: 0, place: 0, slot: 0, stage, serial, is_tick };
        if conn as usize == self.conns.len() {
            self.conns.push(new);
        } else {
            self.conns[conn as usize] = new;
        }
        let time = self.now + self.latency();
        self.at(time, Event::Arrive(conn));
    }

    fn arrive(&mut self, conn: u32) {
        let back = self.now + self.latency();
        let server = &mut self.servers[self.conns[conn as usize].server as usize];
        let is_listening = match server.state {
            State::Down => false,
            State::Up => true,
            State::Draining(until) => self.now < until,
        };
        if !is_listening {
            self.at(back, Event::Failed(conn));
            return;
        }
        let place = server.take();
        let this = &mut self.conns[conn as usize];
        (this.place, this.slot, this.life) = (place, server.announce(place), server.life);
        self.at(back, Event::Reply(conn));
    }

    fn reply(&mut self, conn: u32) {
        let Conn { client, server, life, slot, serial, is_tick, .. } = self.conns[conn as usize];
        if self.servers[server as usize].life != life {
            self.fail(conn);
            return;
        }
        let this = &mut self.clients[client as usize];
        if !this.wants(slot) {
            self.counts.rejected += 1;
            if is_tick {
                self.note_vain_attempt(client);
            }
            self.close(conn);
            return;
        }
        // The rover knows of no guard: this was a connection.
        let is_kept = this.admits(server, self.now) && self.is_listed[server as usize];
        self.hurry(client);
        if !is_kept {
            self.counts.rejected += 1;
            self.close(conn);
            return;
        }
        self.counts.kept += 1;
        self.conns[conn as usize].stage = Stage::Held;
        self.servers[server as usize].held += 1;
        let held = Held { slot, conn, server, since: self.now };
        if let Some(worst) = self.clients[client as usize].keep(held) {
            self.counts.swaps += 1;
            self.close(worst.conn);
        }
        if let State::Draining(until) = self.servers[server as usize].state {
            let left = until.saturating_sub(self.now) as usize;
            let time = self.now + self.rng.below(left + 1) as u64;
            self.at(time, Event::Expire(conn, serial));
        }
    }

    fn fail(&mut self, conn: u32) {
        let Conn { client, server, is_tick, .. } = self.conns[conn as usize];
        self.counts.unreachable += 1;
        self.discard(conn);
        let this = &mut self.clients[client as usize];
        if is_tick {
            self.note_vain_attempt(client);
        } else if this.note_fill_failure(server, self.now) {
            self.attempt_fill(client);
        }
    }

    /// The client closes a connection.
    fn close(&mut self, conn: u32) {
        let Conn { server, life, stage, .. } = self.conns[conn as usize];
        self.leave(server, life, stage);
        self.conns[conn as usize].stage = Stage::Closing;
        let time = self.now + self.latency();
        self.at(time, Event::Freed(conn));
    }

    /// A pool learns that the server has closed a connection.
    fn lose(&mut self, conn: u32, serial: u32) {
        if !self.is_held(conn, serial) {
            return;
        }
        let Conn { client, server, life, stage, .. } = self.conns[conn as usize];
        self.leave(server, life, stage);
        self.clients[client as usize].lose(conn, self.now, self.table.len());
        self.conns[conn as usize].stage = Stage::Closing;
        let time = self.now + self.latency();
        self.at(time, Event::Freed(conn));
        self.fill_again(client);
    }

    fn leave(&mut self, server: u32, life: u32, stage: Stage) {
        let server = &mut self.servers[server as usize];
        if stage == Stage::Held && server.life == life {
            server.held -= 1;
        }
    }

    fn discard(&mut self, conn: u32) {
        let this = &mut self.conns[conn as usize];
        this.stage = Stage::Unused;
        this.serial += 1;
        self.unused.push(conn);
    }
}

// The queue gives the greatest first, which is to be the earliest.

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.serial).cmp(&(self.time, self.serial))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
