//! Every possible run of one posting to a system without transactions: which protocols can post twice.
//!
//! Explores crashes, lost replies, late deliveries, delayed visibility and expiring keys exhaustively, up to a bound. The
//! unsafe protocols must be found unsafe, or the exploration itself says nothing.

use std::collections::HashSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    NaiveRetry,
    LookUpThenRetry,
    /// As before, but a remote that is consistent at once and never delivers late: an ideal.
    LookUpIdealRemote,
    KeyForEver,
    KeyThatExpires,
    SettleThenLookUp,
    /// The key's window is looked at before the send, not at it.
    WindowBeforeSend,
    /// The window is looked at by the send itself, with a margin of a request's whole life.
    WindowAtSend,
    HoldForPerson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Journal {
    Nothing,
    Intent,
    Outcome,
    Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    Start,
    /// About to send; `fresh` when a look-up after settling said that nothing is there.
    Send {
        fresh: bool,
    },
    Waiting,
    Answered,
    /// No answer came, or the program was started anew and finds an intent without an outcome.
    Unsure,
    Settling,
    Ended,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    journal: Journal,
    client: Client,
    in_flight: u8,
    records: u8,
    remembered: bool,
    visible: bool,
    expired: bool,
    crashes: u8,
    sends: u8,
}

const CRASHES: u8 = 4;
const SENDS: u8 = 4;

struct Found {
    states: usize,
    doubled: bool,
    false_outcome: bool,
    posted: bool,
}

impl Protocol {
    fn has_key(self) -> bool {
        match self {
            Protocol::KeyForEver | Protocol::KeyThatExpires | Protocol::WindowBeforeSend | Protocol::WindowAtSend => true,
            Protocol::NaiveRetry
            | Protocol::LookUpThenRetry
            | Protocol::LookUpIdealRemote
            | Protocol::SettleThenLookUp
            | Protocol::HoldForPerson => false,
        }
    }

    fn key_may_expire(self, world: &World) -> bool {
        match self {
            Protocol::KeyThatExpires | Protocol::WindowBeforeSend => true,
            // The margin: what was sent inside the window arrives inside it.
            Protocol::WindowAtSend => world.in_flight == 0,
            Protocol::NaiveRetry
            | Protocol::LookUpThenRetry
            | Protocol::LookUpIdealRemote
            | Protocol::KeyForEver
            | Protocol::SettleThenLookUp
            | Protocol::HoldForPerson => false,
        }
    }

    fn unsure(self, world: World) -> World {
        let retry = World {
            client: Client::Send { fresh: false },
            ..world
        };
        let found = World {
            journal: Journal::Outcome,
            client: Client::Ended,
            ..world
        };
        match self {
            Protocol::NaiveRetry | Protocol::KeyForEver | Protocol::KeyThatExpires => retry,
            Protocol::LookUpThenRetry | Protocol::LookUpIdealRemote if world.records > 0 && world.visible => found,
            Protocol::LookUpThenRetry | Protocol::LookUpIdealRemote => retry,
            Protocol::SettleThenLookUp => World {
                client: Client::Settling,
                ..world
            },
            Protocol::WindowBeforeSend if !world.expired => retry,
            Protocol::WindowBeforeSend => World {
                client: Client::Settling,
                ..world
            },
            Protocol::WindowAtSend => retry,
            Protocol::HoldForPerson => World {
                journal: Journal::Held,
                client: Client::Ended,
                ..world
            },
        }
    }

    fn deliver(self, world: World) -> World {
        let known = self.has_key() && world.remembered && !world.expired;
        World {
            in_flight: world.in_flight - 1,
            records: if known { world.records } else { (world.records + 1).min(2) },
            remembered: self.has_key(),
            visible: self == Protocol::LookUpIdealRemote || (known && world.visible),
            ..world
        }
    }

    fn next(self, world: World) -> Vec<World> {
        let mut next = Vec::new();
        match world.client {
            Client::Start => next.push(World {
                journal: Journal::Intent,
                client: Client::Send { fresh: false },
                ..world
            }),
            Client::Send { fresh } => {
                if self == Protocol::WindowAtSend && world.expired && !fresh {
                    next.push(World {
                        client: Client::Settling,
                        ..world
                    });
                } else if world.sends < SENDS {
                    next.push(World {
                        client: Client::Waiting,
                        in_flight: world.in_flight + 1,
                        sends: world.sends + 1,
                        ..world
                    });
                }
            }
            Client::Waiting => {
                if world.in_flight > 0 {
                    let delivered = self.deliver(world);
                    next.push(World {
                        client: Client::Answered,
                        ..delivered
                    });
                    next.push(World {
                        client: Client::Unsure,
                        ..delivered
                    });
                    next.push(World {
                        client: Client::Unsure,
                        in_flight: world.in_flight - 1,
                        ..world
                    });
                }
                if self != Protocol::LookUpIdealRemote {
                    next.push(World {
                        client: Client::Unsure,
                        ..world
                    });
                }
            }
            Client::Answered => next.push(World {
                journal: Journal::Outcome,
                client: Client::Ended,
                ..world
            }),
            Client::Unsure => next.push(self.unsure(world)),
            // Settled: every request has arrived or is lost, and what arrived can be seen.
            Client::Settling if world.in_flight == 0 && (world.records == 0 || world.visible) => next.push(if world.records > 0 {
                World {
                    journal: Journal::Outcome,
                    client: Client::Ended,
                    ..world
                }
            } else {
                World {
                    client: Client::Send { fresh: true },
                    ..world
                }
            }),
            Client::Settling | Client::Ended => {}
            Client::Down => next.push(World {
                client: match world.journal {
                    Journal::Nothing => Client::Start,
                    Journal::Intent => Client::Unsure,
                    Journal::Outcome | Journal::Held => Client::Ended,
                },
                ..world
            }),
        }
        // What the network and the remote do of themselves. The ideal remote has nothing late in it.
        if world.in_flight > 0 && world.client != Client::Waiting {
            if self != Protocol::LookUpIdealRemote {
                next.push(self.deliver(world));
            }
            next.push(World {
                in_flight: world.in_flight - 1,
                ..world
            });
        }
        if world.records > 0 && !world.visible {
            next.push(World { visible: true, ..world });
        }
        if !world.expired && self.key_may_expire(&world) {
            next.push(World { expired: true, ..world });
        }
        if world.crashes < CRASHES && !matches!(world.client, Client::Down | Client::Ended) {
            // The ideal remote has answered or lost a request by the time somebody is back to ask.
            next.push(World {
                client: Client::Down,
                crashes: world.crashes + 1,
                in_flight: if self == Protocol::LookUpIdealRemote { 0 } else { world.in_flight },
                ..world
            });
        }
        next
    }
}

fn explore(protocol: Protocol) -> Found {
    let start = World {
        journal: Journal::Nothing,
        client: Client::Start,
        in_flight: 0,
        records: 0,
        remembered: false,
        visible: false,
        expired: false,
        crashes: 0,
        sends: 0,
    };
    let mut seen = HashSet::from([start]);
    let mut open = vec![start];
    let mut found = Found {
        states: 0,
        doubled: false,
        false_outcome: false,
        posted: false,
    };
    while let Some(world) = open.pop() {
        found.states += 1;
        found.doubled |= world.records > 1;
        found.false_outcome |= world.journal == Journal::Outcome && world.records == 0 && world.in_flight == 0;
        found.posted |= world.journal == Journal::Outcome && world.records == 1;
        open.extend(protocol.next(world).into_iter().filter(|next| seen.insert(*next)));
    }
    found
}

#[test]
fn the_safe_protocols_cannot_post_twice_and_the_unsafe_ones_are_found_out() {
    for (protocol, unsafe_) in [
        (Protocol::NaiveRetry, true),
        (Protocol::LookUpThenRetry, true),
        (Protocol::LookUpIdealRemote, false),
        (Protocol::KeyForEver, false),
        (Protocol::KeyThatExpires, true),
        (Protocol::SettleThenLookUp, false),
        (Protocol::WindowBeforeSend, true),
        (Protocol::WindowAtSend, false),
        (Protocol::HoldForPerson, false),
    ] {
        let found = explore(protocol);
        assert_eq!(found.doubled, unsafe_, "{protocol:?} after {} states", found.states);
        assert!(!found.false_outcome, "{protocol:?} records an outcome that never was");
        assert!(found.posted && found.states > 50, "{protocol:?} was not explored");
    }
}
