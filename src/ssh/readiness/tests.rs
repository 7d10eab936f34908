use super::*;
use tokio::net::TcpListener;

async fn read(text: &[u8]) -> Result<Banner, Unreachable> {
    read_banner(text).await
}

fn output(status: Ended, stdout: &str, stderr: &str) -> Output {
    Output { status, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

#[tokio::test]
async fn lines_before_the_identification_are_a_greeting() {
    let banner = read(b"hello\r\nSSHnot\r\nSSH-2.0-OpenSSH_9.2p1 Debian\r\nrest").await.unwrap();
    assert_eq!(banner, Banner("SSH-2.0-OpenSSH_9.2p1 Debian".to_owned()));
    let long_greeting = [b"x".repeat(300), b"\nSSH-1.99-old\n".to_vec()].concat();
    assert_eq!(read(&long_greeting).await.unwrap(), Banner("SSH-1.99-old".to_owned()));
}

#[tokio::test]
async fn something_else_than_ssh_is_recognised() {
    assert!(matches!(read(b"HTTP/1.1 400 Bad Request\r\n").await, Err(Unreachable::NotSsh)));
    assert!(matches!(read(b"SSH-1.5-ancient\n").await, Err(Unreachable::NotSsh)));
    assert!(matches!(read(&b"noise\n".repeat(2000)).await, Err(Unreachable::NotSsh)));
    assert!(matches!(read(&b"x".repeat(9000)).await, Err(Unreachable::NotSsh)));
    assert!(matches!(read(b"SSH-2.0-cut").await, Err(Unreachable::Closed)));
}

#[tokio::test]
async fn a_port_that_nothing_listens_on_is_refused() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let result = banner("127.0.0.1", port, Duration::from_secs(5)).await;
    assert!(matches!(result, Err(Unreachable::Refused)), "{result:?}");
}

#[tokio::test]
async fn an_open_port_that_says_nothing_is_told_from_a_closed_one() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let result = banner("127.0.0.1", port, Duration::from_millis(50)).await;
    assert!(matches!(result, Err(Unreachable::Silent(_))), "{result:?}");
}

#[test]
fn a_nodes_answer_cannot_steer_the_terminal() {
    let told = judge(&output(Ended::Exited(1), "step 1\n\x1b[31mstatus: running\n", "noise"));
    assert!(matches!(told, CheckResult::Answered { code: 1, output } if output == "step 1\n[31mstatus: running"));
    let complained = judge(&output(Ended::Exited(2), "\n", "no such file\n"));
    assert!(matches!(complained, CheckResult::Answered { code: 2, output } if output == "no such file"));
}

#[test]
fn a_refused_key_is_told_from_a_refused_connection() {
    let key = judge(&output(Ended::NoConnection, "", "ubuntu@203.0.113.7: Permission denied (publickey).\r\n"));
    assert!(matches!(key, CheckResult::KeyRefused { reason } if reason.starts_with("ubuntu@")));
    let port = judge(&output(Ended::NoConnection, "", "ssh: connect to host x port 22: Connection refused\r\n"));
    assert!(matches!(port, CheckResult::NotYet { reason } if reason.ends_with("Connection refused")));
    let config = judge(&output(Ended::NoConnection, "", "/c: line 3: Bad configuration option: foo\n"));
    assert!(matches!(config, CheckResult::BadConfiguration { .. }));
}
