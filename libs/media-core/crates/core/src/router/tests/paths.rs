//! Whose a 5-tuple is, and what is sent to an address that has not shown that somebody there wants it.

use super::*;

const STRANGER: u64 = 900;

fn add_transport(world: &mut World, peer: u64) {
    let consent_timeout_us = 30_000_000;
    world.apply(Command::AddTransport { transport: peer, credentials: credentials(peer), consent_timeout_us });
}

/// What the world's player and publisher do for so many tenths of a second.
fn go_on(world: &mut World, from: u64, tenths: u64) {
    for index in from..from + tenths {
        world.video(index, true);
        world.pass(100_000);
    }
}

#[test]
fn a_valid_check_of_another_transport_takes_no_path_that_is_in_use() {
    let mut world = World::call([2]);
    add_transport(&mut world, 3);
    for index in 100..200 {
        world.handle(path(PUBLISHER), check(3));
        world.handle(path(2), check(3));
        world.video(index, true);
        world.pass(100_000);
    }
    assert_eq!(world.numbers(2).len(), 100);
    while world.router.poll_event().is_some() {}
    world.handle(path(2), vec![22, 1]);
    assert_eq!(world.router.poll_event(), Some(Event::Dtls { transport: 2, datagram: vec![22, 1] }));
}

#[test]
fn a_check_from_an_address_in_advance_does_not_keep_its_peer_out() {
    let mut world = World::call([]);
    add_transport(&mut world, 3);
    world.handle(path(2), check(3));
    world.connect(2);
    world.add_sink(2);
    world.handle(path(2), check(3));
    go_on(&mut world, 100, 10);
    assert_eq!(world.numbers(2).len(), 10);
}

#[test]
fn an_address_that_answers_nothing_is_sent_three_times_what_came_from_it_and_no_media() {
    let mut world = World::call([2]);
    let forged = check(2);
    for round in 0..30_u64 {
        world.handle(path(STRANGER), forged.clone());
        world.handle(path(2), check(2));
        world.handle(path(STRANGER), forged.clone());
        go_on(&mut world, 100 + round * 10, 10);
    }
    let sent = world.sent[&path(STRANGER).remote];
    assert!(sent <= 3 * 60 * forged.len(), "{sent} bytes");
    assert_eq!(world.numbers(2).len(), 300, "the peer itself misses nothing");
}

#[test]
fn media_moves_as_soon_as_the_new_address_has_answered() {
    let mut world = World::call([2]);
    world.receivers.insert(STRANGER, Receiver::new(key()));
    world.present.insert(path(STRANGER).remote, 2);
    world.video(100, true);
    world.handle(path(STRANGER), check(2));
    world.video(101, true);
    assert_eq!((world.numbers(2).len(), world.numbers(STRANGER).len()), (1, 1));
    let moved = Event::IceMoved { transport: 2, remote: path(STRANGER).remote };
    assert!(std::iter::from_fn(|| world.router.poll_event()).any(|event| event == moved));
}

#[test]
fn a_check_back_that_was_lost_is_repeated() {
    let mut world = World::call([]);
    add_transport(&mut world, 2);
    world.handle(path(2), check(2));
    world.apply(Command::SendDtls { transport: 2, datagram: vec![22; 200] });
    world.present.insert(path(2).remote, 2);
    assert!(!world.raw.contains(&vec![22; 200]), "nobody has answered yet");
    world.pass(300_000);
    assert!(world.raw.contains(&vec![22; 200]));
}

#[test]
fn only_the_answer_that_was_asked_for_proves_a_path() {
    let mut world = World::call([]);
    add_transport(&mut world, 2);
    world.handle(path(2), check(2));
    let sent = std::mem::take(&mut world.raw);
    let mut asked = sent.iter().filter_map(|datagram| Message::parse(datagram));
    let asked = asked.find(|message| message.kind == Kind::Request).unwrap().transaction;
    let answer = |transaction: &[u8; 12], password: &str| {
        Builder::success(transaction, path(2).remote).finish(&HmacSha1::new(password.as_bytes()))
    };
    let mut guessed = asked;
    guessed[11] ^= 1;
    world.handle(path(2), answer(&guessed, "pwd of 2"));
    world.handle(path(2), answer(&asked, "pwd of 3"));
    world.handle(path(STRANGER), answer(&asked, "pwd of 2"));
    world.handle(path(2), answer(&[0xff; 12], "pwd of 2"));
    assert!(
        std::iter::from_fn(|| world.router.poll_event())
            .all(|event| event != Event::IceConnected { transport: 2, remote: path(2).remote })
    );
    world.handle(path(2), answer(&asked, "pwd of 2"));
    let told: Vec<Event> = std::iter::from_fn(|| world.router.poll_event()).collect();
    assert_eq!(told, [Event::IceConnected { transport: 2, remote: path(2).remote }]);
}

#[test]
fn an_address_that_was_left_is_checked_back_again() {
    let mut world = World::call([2]);
    world.present.remove(&path(2).remote);
    world.pass(31_000_000);
    world.raw.clear();
    world.handle(path(2), check(2));
    world.video(100, true);
    assert!(world.raw.iter().all(|datagram| datagram[0] < 4), "somebody else may have the address by now");
}

#[test]
fn a_peer_that_connects_anew_from_the_same_port_takes_its_path_along() {
    let mut world = World::call([2]);
    world.connect(3);
    let consent_timeout_us = 30_000_000;
    world.apply(Command::AddTransport { transport: 4, credentials: credentials(4), consent_timeout_us });
    world.present.insert(path(2).remote, 4);
    world.handle(path(2), check(4));
    world.handle(path(2), vec![22, 1]);
    let events: Vec<Event> = std::iter::from_fn(|| world.router.poll_event()).collect();
    assert_eq!(events.last(), Some(&Event::Dtls { transport: 4, datagram: vec![22, 1] }));
    world.apply(Command::RemoveTransport(2));
    world.handle(path(2), vec![22, 2]);
    assert_eq!(world.router.poll_event(), Some(Event::Dtls { transport: 4, datagram: vec![22, 2] }));
}

#[test]
fn nothing_is_sent_to_a_peer_whose_consent_ran_out() {
    let mut world = World::call([2]);
    world.pass(31_000_000);
    let timeouts =
        std::iter::from_fn(|| world.router.poll_event()).filter(|event| *event == Event::IceTimeout { transport: 2 });
    assert_eq!(timeouts.count(), 1);
    world.raw.clear();
    world.handle(path(PUBLISHER), check(PUBLISHER));
    world.video(100, true);
    assert!(world.raw.iter().all(|datagram| datagram[0] < 4), "only checks are answered");
    world.handle(path(2), check(2));
    world.video(101, true);
    let indexes: Vec<u64> = world.numbers(2).into_iter().map(|(_, index)| index).collect();
    assert_eq!(indexes, [100, 101], "the keyframe that it missed, and what follows");
}
