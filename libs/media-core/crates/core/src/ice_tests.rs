//! One agent, checked from several addresses.

use super::*;

fn agent() -> Agent {
    let credentials = Credentials {
        local_ufrag: "local".to_owned(),
        local_pwd: "secret".to_owned(),
        remote_ufrag: "remote".to_owned(),
        remote_pwd: "theirs".to_owned(),
    };
    Agent::new(credentials, 30_000_000, 0)
}

fn path(port: u16) -> Path {
    Path { via: 0, remote: SocketAddr::from(([192, 0, 2, 1], port)) }
}

fn check(agent: &mut Agent, port: u16, username: &str, password: &str, nominate: bool, now_us: u64) -> Outcome {
    let request = Builder::request(&[7; 12], username, 1, nominate).finish(&HmacSha1::new(password.as_bytes()));
    agent.handle_check(path(port), &Message::parse(&request).unwrap(), request.len(), now_us)
}

/// Answers the check that the agent sends on a path.
fn prove(agent: &mut Agent, port: u16, password: &str, now_us: u64) -> Outcome {
    let check = agent.poll_check(path(port), 0, now_us).expect("asked");
    let check = Message::parse(&check).unwrap();
    assert!(check.authentic(&HmacSha1::new(password.as_bytes())) && check.ice_controlled);
    let answer = Builder::success(&check.transaction, path(port).remote);
    let answer = answer.finish(&HmacSha1::new(password.as_bytes()));
    agent.handle_answer(path(port), &Message::parse(&answer).unwrap(), now_us)
}

#[test]
fn only_an_authentic_check_admits() {
    let mut agent = agent();
    for (username, password) in [("local:remote", "wrong"), ("local:other", "secret"), ("local", "secret")] {
        let outcome = check(&mut agent, 1, username, password, true, 0);
        assert_eq!(outcome, Outcome { refused: true, ..Outcome::default() });
        assert_eq!(agent.active(), None);
    }
    let outcome = check(&mut agent, 1, "local:remote", "secret", false, 0);
    assert!(outcome.admitted && !outcome.selected);
    let answer = outcome.answer.unwrap();
    let answer = Message::parse(&answer).unwrap();
    assert!(answer.authentic(&HmacSha1::new(b"secret")));
    assert_eq!(answer.mapped, Some(path(1).remote));
    assert_eq!((agent.active(), agent.selected()), (None, None));
    assert!(!prove(&mut agent, 1, "theirs", 1).selected);
    assert_eq!((agent.active(), agent.selected()), (Some(path(1)), None));
}

#[test]
fn the_newest_nomination_of_a_proven_path_wins() {
    let mut agent = agent();
    assert!(!check(&mut agent, 1, "local:remote", "secret", true, 0).selected);
    assert!(prove(&mut agent, 1, "theirs", 0).selected);
    assert!(!check(&mut agent, 2, "local:remote", "secret", false, 1).selected);
    assert!(!prove(&mut agent, 2, "theirs", 1).selected);
    assert_eq!(agent.selected(), Some(path(1)));
    assert!(check(&mut agent, 2, "local:remote", "secret", true, 2).selected);
    assert!(!check(&mut agent, 2, "local:remote", "secret", true, 3).selected);
    assert_eq!(agent.selected(), Some(path(2)));
}

#[test]
fn consent_runs_out_once_and_comes_back_with_a_check() {
    let mut agent = agent();
    check(&mut agent, 1, "local:remote", "secret", true, 1);
    prove(&mut agent, 1, "theirs", 1);
    assert!(!agent.handle_timeout(30_000_000));
    assert!(agent.handle_timeout(30_000_001));
    assert!(!agent.handle_timeout(40_000_000));
    assert_eq!(agent.active(), None);
    check(&mut agent, 1, "local:remote", "secret", true, 50_000_000);
    assert!(prove(&mut agent, 1, "theirs", 50_000_000).selected);
    assert_eq!(agent.active(), Some(path(1)));
}

#[test]
fn paths_are_bounded_and_the_selected_one_stays() {
    let mut agent = agent();
    check(&mut agent, 1, "local:remote", "secret", true, 0);
    prove(&mut agent, 1, "theirs", 0);
    for port in 2..100 {
        let outcome = check(&mut agent, port, "local:remote", "secret", false, u64::from(port));
        assert_eq!(outcome.evicted.is_some(), usize::from(port) > MAX_PATHS);
    }
    assert_eq!(agent.paths().count(), MAX_PATHS);
    assert!(agent.paths().any(|admitted| admitted == path(1)));
}

#[test]
fn a_controlled_peer_is_told_to_switch() {
    let mut agent = agent();
    let request = rfc_5769_like(&[(0x8029, &[0; 8])]);
    let outcome = agent.handle_check(path(1), &Message::parse(&request).unwrap(), request.len(), 0);
    let answer = outcome.answer.unwrap();
    assert_eq!(Message::parse(&answer).unwrap().error, Some(487));
    assert!(!outcome.admitted);
}

#[test]
fn an_unknown_required_attribute_is_answered_420() {
    let mut agent = agent();
    let request = rfc_5769_like(&[(0x7777, &[])]);
    let outcome = agent.handle_check(path(1), &Message::parse(&request).unwrap(), request.len(), 0);
    let answer = outcome.answer.unwrap();
    assert_eq!(Message::parse(&answer).unwrap().error, Some(420));
}

fn rfc_5769_like(extra: &[(u16, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::bare_request(&[7; 12], "local:remote");
    for (attribute, value) in extra {
        builder.add(*attribute, value);
    }
    builder.finish(&HmacSha1::new(b"secret"))
}

#[test]
fn a_restart_keeps_the_path_until_the_new_credentials_move_it() {
    let mut agent = agent();
    check(&mut agent, 1, "local:remote", "secret", true, 0);
    prove(&mut agent, 1, "theirs", 0);
    let credentials = Credentials {
        local_ufrag: "local2".to_owned(),
        local_pwd: "secret2".to_owned(),
        remote_ufrag: "remote2".to_owned(),
        remote_pwd: "theirs2".to_owned(),
    };
    agent.restart(credentials, 1);
    assert_eq!(agent.active(), Some(path(1)));
    assert!(check(&mut agent, 2, "local:remote", "secret", true, 2).refused);
    assert!(!check(&mut agent, 2, "local2:remote2", "secret2", true, 3).selected);
    assert!(prove(&mut agent, 2, "theirs2", 3).selected);
    assert_eq!(agent.active(), Some(path(2)));
}
