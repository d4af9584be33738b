//! CONNECT and RESOLVE.

use super::kit::*;

use crate::peers::has_ipv6;
use crate::support::*;

/// The address as text, whose length is said.
fn connect_op(token: i64, handle: i64, text: &str) -> anysock_op {
    anysock_op { op: ANYSOCK_OP_CONNECT, ..write_op(token, handle, text.as_bytes()) }
}

#[test]
fn what_stands_behind_a_connect_waits_for_it() {
    on_each(|queue| {
        for kind in here(&["tcp4", "unix"]) {
            let listener = listener(kind);
            let client = open(kind);
            let address = local_address(*listener);
            let ops =
                [connect_op(1, *client, &address), write_op(2, *client, b"hello"), read_op(3, *client, 0)];
            let told = queue.wait(&ops, 2);
            assert_eq!(
                told.iter().map(|done| (done.token, done.result)).collect::<Vec<_>>(),
                [(1, 0), (2, 5)],
                "{kind}"
            );
            let server = own(expect(anysock_accept(*listener)));
            assert_eq!(drain(*server, 5), b"hello");
            expect(write(*server, b"back"));
            assert_eq!(bytes(&queue.one(&[])), b"back");
            expect_error(queue.one(&[connect_op(4, *client, &address)]).result, "EISCONN");
        }
    });
}

#[test]
fn names_are_resolved_and_raced() {
    on_each(|queue| {
        let listener = listener("tcp4");
        let port = local_address(*listener).rsplit(':').next().unwrap().to_owned();
        let client = open("tcp");
        let address = format!("localhost:{port}");
        let told = queue.wait(&[connect_op(1, *client, &address), write_op(2, *client, b"x")], 2);
        assert_eq!(told.iter().map(|done| (done.token, done.result)).collect::<Vec<_>>(), [(1, 0), (2, 1)]);
        let server = own(expect(anysock_accept(*listener)));
        assert_eq!(drain(*server, 1), b"x");
    });
}

#[test]
fn what_stands_behind_a_connect_that_fails_ends_with_its_error() {
    on_each(|queue| {
        let gone = local_address(*listener("tcp4"));
        let client = open("tcp4");
        let told = queue
            .wait(&[connect_op(1, *client, &gone), write_op(2, *client, b"x"), read_op(3, *client, 0)], 3);
        for done in &told {
            expect_error(done.result, "ECONNREFUSED");
        }
        assert_eq!(told[0].token, 1);
        let bad = queue.one(&[connect_op(4, *open("tcp4"), "no address")]);
        expect_error(bad.result, "EINVAL");
    });
}

#[test]
fn a_socket_of_ipv6_that_serves_ipv4_connects_to_it() {
    if !has_ipv6() {
        return;
    }
    on_each(|queue| {
        let listener = listener("tcp4");
        let client = open("tcp6");
        expect(set(*client, "ipv6.only", 0));
        assert_eq!(queue.one(&[connect_op(1, *client, &local_address(*listener))]).result, 0);
    });
}

#[test]
fn a_flat_address_needs_no_text() {
    on_each(|queue| {
        let listener = listener("tcp4");
        let client = open("tcp4");
        let address = parse("tcp4", &local_address(*listener)).unwrap();
        let flat = |length| anysock_op {
            flags: ANYSOCK_QUEUE_FLAT,
            data: &raw const address as i64,
            length,
            ..op(ANYSOCK_OP_CONNECT, 1, *client)
        };
        expect_error(queue.one(&[flat(127)]).result, "EINVAL");
        assert_eq!(queue.one(&[flat(128)]).result, 0);
    });
}

#[test]
fn a_connect_that_must_not_wait_goes_on_and_the_next_tells_its_end() {
    on_each(|queue| {
        let listener = listener("tcp4");
        let client = open("tcp4");
        expect(set(*client, "connect_timeout", 0));
        let address = local_address(*listener);
        let told = queue.run(&[connect_op(1, *client, &address)]);
        assert_eq!(told.len(), 1);
        if told[0].result != 0 {
            expect_error(told[0].result, "EINPROGRESS");
            let poll = anysock_op { value: 2, ..op(ANYSOCK_OP_POLL, 2, *client) };
            assert_eq!(queue.one(&[poll]).result & 2, 2);
            assert_eq!(queue.one(&[connect_op(3, *client, &address)]).result, 0);
        }
    });
}

#[test]
fn a_name_is_looked_up() {
    on_each(|queue| {
        let (kind, address) = (text("tcp4"), "localhost:80");
        let resolve = anysock_op {
            handle: 0,
            op: ANYSOCK_OP_RESOLVE,
            value: kind.as_ptr() as i64,
            ..write_op(1, 0, address.as_bytes())
        };
        let done = queue.one(&[resolve]);
        assert_eq!(bytes(&done), b"127.0.0.1:80");
        queue.quiet(&[give_op(done.buffer)]);
        let bad = text("no kind");
        expect_error(queue.one(&[anysock_op { value: bad.as_ptr() as i64, ..resolve }]).result, "EINVAL");
    });
}

#[test]
fn an_answer_that_is_longer_than_a_buffer_is_cut() {
    on_each_with(1, 8, |queue| {
        let (kind, address) = (text("tcp4"), "127.0.0.1:8080");
        let resolve = anysock_op {
            op: ANYSOCK_OP_RESOLVE,
            value: kind.as_ptr() as i64,
            ..write_op(1, 0, address.as_bytes())
        };
        let done = queue.one(&[resolve]);
        assert_eq!((bytes(&done), done.flags), (&b"127.0.0."[..], ANYSOCK_QUEUE_CUT));
        // Without a buffer it waits for one.
        queue.quiet(&[anysock_op { token: 2, ..resolve }]);
        assert_eq!(queue.one(&[give_op(done.buffer)]).token, 2);
    });
}

#[cfg(target_os = "linux")]
mod namespaces {
    use super::*;
    use crate::names::namespaces::{HOSTS, ONLY_HOSTS, bound_to_several};
    use crate::peers::Silent;
    use crate::peers::child::{View, cover, run};

    #[test]
    fn a_name_whose_first_address_is_slow_and_whose_second_refuses() {
        let test =
            "queue::connecting::namespaces::a_name_whose_first_address_is_slow_and_whose_second_refuses";
        run(test, View::NetworkAndFiles, || {
            cover("/etc/hosts", HOSTS);
            cover("/etc/nsswitch.conf", ONLY_HOSTS);
            let [silent, _refusing, answering] = bound_to_several();
            let _silent = Silent::on(silent, "tcp4");
            expect(anysock_listen(*answering, 0));
            let answer = local_address(*answering);
            let address = format!("several:{}", answer.rsplit(':').next().unwrap());
            on_each(|queue| {
                let client = open("tcp");
                let told = queue.wait(&[connect_op(1, *client, &address), write_op(2, *client, b"hello")], 2);
                assert_eq!(
                    told.iter().map(|done| (done.token, done.result)).collect::<Vec<_>>(),
                    [(1, 0), (2, 5)]
                );
                assert_eq!(peer_address(*client), answer);
                let server = own(expect(anysock_accept(*answering)));
                assert_eq!(drain(*server, 5), b"hello");
                // One that must not wait goes on, and its end is told by the next alone.
                let client = open("tcp");
                expect(set(*client, "connect_timeout", 0));
                let told = queue.run(&[connect_op(3, *client, &address)]);
                assert_eq!(told.len(), 1);
                expect_error(told[0].result, "EINPROGRESS");
                expect(set(*client, "connect_timeout", -1));
                let done = queue.one(&[connect_op(4, *client, &address)]);
                assert_eq!((done.token, done.result), (4, 0), "{}", name(done.result));
                queue.quiet(&[]);
                assert_eq!(peer_address(*client), answer);
                drop(own(expect(anysock_accept(*answering))));
            });
        });
    }
}
