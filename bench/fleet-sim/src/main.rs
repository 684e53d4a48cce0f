//! Simulates a fleet in memory: rovers, pools and servers, by the rules that the package follows on real sockets.
//!
//!     fleet-sim POOL_SIZE LATENCY_US SAMPLING_MS SEED < SCRIPT
//!
//! Prints a line for each sample: the time in ms, attempts, connections kept, swaps among those, rejected,
//! unreachable (all since the beginning), and for each server the connections that pools keep to it.

mod client;
mod rng;
mod script;
mod server;
mod world;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use client::MS;
use script::Action;
use world::{Counts, World};

/// What is simulated.
struct Setting {
    size: usize,
    latency: u64,
    sampling: u64,
    seed: u64,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("fleet-sim: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let words: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [size, latency, sampling, seed] = words[..] else {
        return Err("fleet-sim POOL_SIZE LATENCY_US SAMPLING_MS SEED < SCRIPT".into());
    };
    let setting = Setting { size: size as usize, latency, sampling: sampling.max(1) * MS, seed };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    let samples = play(&setting, &script::parse(&text)?);
    // Who does not read to the end has had enough.
    let _ = std::io::stdout().write_all(samples.as_bytes());
    Ok(())
}

/// Plays a script. Returns the samples, each a line.
fn play(setting: &Setting, script: &[(u64, Action)]) -> String {
    let mut world = World::new(setting.size, setting.latency, setting.seed);
    let mut samples = String::new();
    let mut next_sample = setting.sampling;
    for (time, action) in script {
        while next_sample <= *time {
            world.run_until(next_sample);
            sample(&world, next_sample, &mut samples);
            next_sample += setting.sampling;
        }
        world.run_until(*time);
        apply(&mut world, action);
    }
    samples
}

fn apply(world: &mut World, action: &Action) {
    match action {
        Action::Servers(count) => world.add_servers(*count),
        Action::Clients(count) => world.add_clients(*count),
        Action::Stop(ids) => ids.iter().for_each(|&id| world.stop(id)),
        Action::Start(ids) => ids.iter().for_each(|&id| world.start(id)),
        Action::Drop(ids) => world.drop(ids),
        Action::List(ids) => ids.iter().for_each(|&id| world.list(id)),
        Action::Drain(over, ids) => ids.iter().for_each(|&id| world.drain(id, *over)),
        Action::End => {}
    }
}

fn sample(world: &World, time: u64, samples: &mut String) {
    let Counts { attempts, kept, swaps, rejected, unreachable } = world.counts;
    // Writing to a string does not fail.
    let _ = write!(samples, "{} {attempts} {kept} {swaps} {rejected} {unreachable}", time / MS);
    for server in &world.servers {
        let _ = write!(samples, " {}", server.held);
    }
    samples.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of the last sample.
    fn last_sample(script: &str, seed: u64) -> Vec<u64> {
        let setting = Setting { size: 8, latency: 100, sampling: 100 * MS, seed };
        let samples = play(&setting, &script::parse(script).unwrap());
        samples.lines().last().unwrap().split(' ').map(|word| word.parse().unwrap()).collect()
    }

    /// Connections of the fullest server, and of the emptiest.
    fn spread(sample: &[u64], servers: &[usize]) -> (u64, u64) {
        let held = || servers.iter().map(|&id| sample[6 + id]);
        (held().max().unwrap(), held().min().unwrap())
    }

    #[test]
    fn becomes_even() {
        let sample = last_sample("0 servers 20\n0 clients 40\n8000 end", 1);
        assert_eq!(sample[6..].iter().sum::<u64>(), 320);
        let (worst, best) = spread(&sample, &(0..20).collect::<Vec<_>>());
        assert!(worst <= 17 && best >= 15, "{best} to {worst}");
    }

    #[test]
    fn fills_a_server_that_restarted_empty() {
        let script = "0 servers 5\n0 clients 20\n9000 stop 0\n9500 start 0\n17000 end";
        let (worst, best) = spread(&last_sample(script, 1), &[0, 1, 2, 3, 4]);
        assert!(worst <= 34 && best >= 30, "{best} to {worst}");
    }

    #[test]
    fn fills_from_those_alive_while_dead_ones_are_listed() {
        let script = "0 servers 6\n0 clients 20\n6000 stop 0 1\n12000 end";
        let sample = last_sample(script, 1);
        assert_eq!(sample[6..].iter().sum::<u64>(), 160);
        assert_eq!(sample[6..8], [0, 0]);
        assert!(sample[5] > 20);
    }

    #[test]
    fn empties_a_server_that_drains_and_one_that_left_the_tables() {
        let script = "0 servers 4\n0 clients 10\n6000 drain 1000 0\n6000 drop 1\n9000 end";
        let sample = last_sample(script, 1);
        assert_eq!(sample[6..8], [0, 0]);
        assert_eq!(sample[6..].iter().sum::<u64>(), 80);
    }

    #[test]
    fn accounts_for_every_attempt() {
        let script = "0 servers 6\n0 clients 20\n3000 stop 0 1\n5000 start 0\n8000 end";
        let [_, attempts, kept, _, rejected, unreachable] = last_sample(script, 1)[..6] else {
            unreachable!()
        };
        let pending = attempts - kept - rejected - unreachable;
        assert!(pending <= 20, "{pending}");
    }

    #[test]
    fn repeats_itself() {
        let script = "0 servers 6\n0 clients 20\n3000 drain 500 0 1\n8000 end";
        assert_eq!(last_sample(script, 7), last_sample(script, 7));
        assert_ne!(last_sample(script, 7), last_sample(script, 8));
    }
}
