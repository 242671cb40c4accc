# SPDX-License-Identifier: GPL-2.0
"""Which of the kernel's test programs are run, and how: what their wrappers (*.sh beside them in the tree) do, as data.

A program written with kselftest_harness.h (`tap`) gives one row for each of its cases, any other one row for each way
it is called. `privilege` is the host side's (sides.py): Alpine's side is always an unprivileged user's.
"""
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    program: str
    arguments: str = ""
    tap: bool = False
    privilege: str = "user"
    sysctls: dict = field(default_factory=dict, hash=False)
    must_say: str = ""  # it must fail, and say this
    network: str = ""  # for lo, before the program starts: "ADDRESS/LENGTH[,ADDRESS/LENGTH]... MTU"
    own_namespaces: bool = False  # Alpine's side too gets a user and a network namespace, for tests of Unix sockets
    alpine_as_root: bool = False  # Alpine's side too is root's, for tests that become other users or leave the network
    seconds: int = 60

    @property
    def name(self):
        notes = ["%s=%s" % item for item in self.sysctls.items()]
        return " ".join(word for word in (self.program, self.arguments, *notes) if word)


def calls(program, *arguments, **options):
    return [Case(program, words, **options) for words in arguments]


def harness(*programs, **options):
    return [Case(program, tap=True, **options) for program in programs]


PING = {"net.ipv6.flowlabel_reflect": "4", "net.ipv4.ping_group_range": "0 0"}
TFO = {"net.ipv4.tcp_fastopen": "3"}
SHARED_WITH_CHILD = ("blocking", "nonblocking", "mutliproc_even", "mutliproc_readers", "mutliproc_writers",
                     "mutliproc_sendpage_even", "mutliproc_sendpage_readers", "mutliproc_sendpage_writers")
WAIT_FOR_NEW_KEYS = ("rekey", "rekey_fail", "splice_rekey")
MSS = 1500 - 20 - 8
MAX_MSS = 65535 - 20 - 8

ALONE = [
    *calls("net/socket", ""),
    *calls("net/so_netns_cookie", "", privilege="netns"),
    *calls("net/sk_bind_sendto_listen", ""),
    *calls("net/sk_connect_zero_addr", ""),
    *calls("net/sk_so_peek_off", ""),
    *calls("net/tcp_inq", "-4", "-6"),
    *calls("net/reuseport_addr_any", "", privilege="netns"),
    *calls("net/reuseport_bpf", "", privilege="root"),
    *calls("net/reuseport_bpf_cpu", ""),
    *calls("net/reuseport_bpf_numa", "", privilege="root"),
    *calls("net/reuseport_dualstack", ""),
    *calls("net/reuseaddr_conflict", ""),
    *calls("net/rxtimestamp", "", privilege="netns"),
    *calls("net/ipv6_flowlabel_mgr", "", privilege="netns"),
    *calls("net/ipv6_flowlabel", "-l 1", sysctls={"net.ipv6.auto_flowlabels": "0"}, privilege="netns"),
    *calls("net/ipv6_flowlabel", "-l 1", sysctls={"net.ipv6.auto_flowlabels": "1"}, privilege="netns"),
    *calls("net/ipv6_flowlabel", "-l 1 -s", privilege="netns"),
    *calls("net/ipv6_flowlabel", "-l 1 -p", "-l 1 -p -s", sysctls=PING, privilege="netns"),
    *calls("net/tcp_fastopen_backup_key", "-4", "-6", "-4s", "-6s", "-4r", "-6r", "-4sr", "-6sr", sysctls=TFO,
           privilege="netns"),
    *calls("net/psock_fanout", "", privilege="netns"),
    *calls("net/psock_tpacket", "", privilege="netns"),
    *calls("net/txring_overwrite", "", privilege="netns"),
    *calls("net/psock_snd", "-d", "-d -b", "", "-b", "-q", "-V", "-v", "-v -c", "-l 0", "-l %d" % MSS,
           "-d -l %d" % MSS, "-v -c -g -l %d" % (MSS + 1), "-v -c -g -l %d" % MAX_MSS, privilege="netns"),
    *calls("net/psock_snd", "-v -c -C", "-t 23", privilege="netns", must_say="Invalid argument"),
    *calls("net/psock_snd", "-l %d" % (MSS + 1), "-V -l %d" % (MSS + 1), "-d -l %d" % (MSS + 1), privilege="netns",
           must_say="Message too long"),
    *calls("net/psock_snd", "-t 24", "-v -c -g -l %d" % (MAX_MSS + 1), privilege="netns",
           must_say="recv: Resource temporarily unavailable"),
    *calls("net/txtimestamp", "-4 -L 127.0.0.1", "-6 -L ::1", "-u -4 -L 127.0.0.1", "-u -6 -L ::1",
           "-r -4 -L 127.0.0.1", "-r -6 -L ::1", "-R -4 -L 127.0.0.1", "-R -6 -L ::1", "-P -4 -L 127.0.0.1",
           "-P -6 -L ::1", "-u -C -4 -L 127.0.0.1", "-C -6 -L ::1", "-n -4 -L 127.0.0.1", "-u -n -6 -L ::1",
           privilege="netns"),
    *calls("net/ip_defrag", "-4", "-4o", "-6", "-6o", privilege="netns",
           sysctls={"net.ipv4.ipfrag_time": "1", "net.ipv6.ip6frag_time": "1"}),
    *calls("net/udpgso", *["-%d %s" % (family, words) for family in (4, 6) for words in ("-C", "-C -s", "-c", "-C -m")],
           privilege="netns", network="10.0.0.1/32,fd00::1/128 1500"),
    *calls("net/mptcp/mptcp_sockopt", "", "-6", seconds=10),
    *calls("net/mptcp/mptcp_inq", "-t tcp", "-6 -t tcp", "-r tcp", "-6 -r tcp", "-r tcp -t tcp", seconds=10),
    *harness("net/bind_wildcard", "net/netlink-dumps", "net/epoll_busy_poll"),
    *harness("net/bind_timewait", "net/so_incoming_cpu", privilege="netns"),
    *harness("net/ip_local_port_range", privilege="netns", sysctls={"net.ipv4.ip_local_port_range": "40000 49999"}),
    *harness("net/reuseaddr_ports_exhausted", privilege="root", alpine_as_root=True,
             sysctls={"net.ipv4.ip_local_port_range": "32768 32768", "net.ipv4.ip_autobind_reuse": "1"}),
    # Where keys cannot be changed (before Linux 6.14), three cases wait for ever. Of those that share a connection
    # with a child, which wait half a minute each where that does not work, one variant says what there is to say.
    Case("net/tls", " ".join("-T " + case for case in (*WAIT_FOR_NEW_KEYS, *SHARED_WITH_CHILD)), tap=True, seconds=120),
    Case("net/tls", " ".join("-r tls.12_aes_gcm." + case for case in SHARED_WITH_CHILD), tap=True, seconds=10),
    *harness("net/af_unix/msg_oob", "net/af_unix/diag_uid"),
    *harness("net/af_unix/scm_pidfd", "net/af_unix/unix_connect", privilege="netns", own_namespaces=True),
    # Makes a network namespace of its own, where no alpined is, and then asks Alpine: that has to be there already.
    *harness("net/af_unix/scm_rights", privilege="netns", alpine_as_root=True, network="10.0.0.1/32 65536"),
]


@dataclass(frozen=True)
class Wrapper:
    """A wrapper of the tree that is run as it is, since one namespace is all it needs (one_namespace/ip). One row."""
    name: str  # folder/script
    program: str
    seconds: int = 60


WRAPPERS = [Wrapper("net/cmsg_%s.sh" % what, "net/cmsg_sender") for what in ("so_mark", "ipv6", "time")]


@dataclass(frozen=True)
class Pair:
    """A server and a client, one on each host. Under Alpine it is two rows: Alpine as the server, and as the client
    (against the host's kernel); or one, Alpine at both ends, of what the host's kernel may not have at all.

    {server} is the server's address, {client} the client's, {start} a moment when both ends are up. What stands in
    `talk` is sent both ways through standard input and output and must arrive."""
    program: str
    server: str
    client: str
    port: int
    server_program: str = ""
    alpine_ends: tuple = ("server", "client")
    talk: bool = False
    client_qdisc: str = ""  # on the device by which the client reaches the server
    server_ends: bool = True  # by itself; otherwise it is ended when the client has ended
    delay_s: float = 0  # instead of waiting until the port is taken
    seconds: int = 40

    @property
    def name(self):
        return "%s %s <- %s" % (self.program, self.server, self.client)


def zerocopy(mode, *more):
    """msg_zerocopy.sh's way of calling it; the receiver's time is the sender's and one second more."""
    words = "-%d %s -S {client} -D {server} " + " ".join(more)
    return [Pair("net/msg_zerocopy", words % (family, "-t 3 -C 2") + " -r " + mode,
                 words % (family, "-t 1 -C 3") + " " + mode, 8000) for family in (4, 6)]


def bench(*more, family=4):
    return Pair("net/udpgso_bench_tx", "-p 8100" + (" -t" if "-t" in more else ""),
                "-p 8100 -l 1 -%d -D {server} %s" % (family, " ".join(more)), 8100,
                server_program="net/udpgso_bench_rx", server_ends=False)


def mptcp(server, client, *more, family=4):
    anywhere = "::" if family == 6 else "0.0.0.0"
    return Pair("net/mptcp/mptcp_connect", " ".join(("-t 20 -l -p 12001 -s", server, *more, anywhere)),
                " ".join(("-t 20 -p 12001 -s", client, *more, "{server}")), 12001, talk=True)


def sctp_hello(family):
    words = " -%d {server} 1234" % family
    return Pair("net/sctp_hello", "server" + words, "client" + words, 1234, alpine_ends=("both",), delay_s=1.5)


def txtime(family, clock, qdisc, sent, received):
    words = "-%d -c %s -t {start} -S {client} -D {server} " % (family, clock)
    return Pair("net/so_txtime", words + received + " -r", words + sent, 8000, alpine_ends=("client",),
                client_qdisc=qdisc)


def nettest(server, client, port=12345):
    return Pair("net/nettest", "-s -t 10 " + server, "-t 10 " + client, port)


PAIRS = [
    *zerocopy("tcp"), *zerocopy("tcp", "-z"), *zerocopy("udp"), *zerocopy("udp", "-z"),
    *[bench(*more) for more in ((), ("-t",), ("-t", "-z"), ("-S", "0"), ("-S", "0", "-z"), ("-S", "0", "-T"),
                                ("-S", "0", "-z", "-a"), ("-S", "0", "-T", "-a"), ("-S", "0", "-T", "-z", "-a"))],
    *[bench(*more, family=6) for more in ((), ("-t",), ("-S", "0"), ("-S", "0", "-T", "-a"))],
    *[mptcp(server, client, family=family) for family in (4, 6)
      for server, client in (("MPTCP", "MPTCP"), ("MPTCP", "TCP"), ("TCP", "MPTCP"), ("TCP", "TCP"))],
    *[mptcp("MPTCP", "MPTCP", more)
      for more in ("-m mmap", "-m sendfile", "-R 16384 -S 16384", "-c TCPINQ,TIMESTAMPNS")],
    nettest("", "-r {server}"), nettest("-6", "-6 -r {server}"), nettest("-D", "-D -r {server}"),
    nettest("-6 -D", "-6 -D -r {server}"), nettest("-D", "-D -U -r {server}"),
    nettest("-l {server}", "-c {client} -r {server}"), nettest("-L 1000 -n 5", "-L 1000 -n 5 -r {server}"),
    nettest("-M secret -m {client}/32", "-X secret -r {server}"),
    sctp_hello(4), sctp_hello(6),
    *[txtime(family, "mono", "fq", sent, received) for family, sent, received in
      ((4, "a,-1", "a,-1"), (6, "a,0", "a,0"), (6, "a,10", "a,10"), (4, "a,10,b,20", "a,10,b,20"),
       (6, "a,20,b,10", "b,20,a,20"))],
    *[txtime(family, "tai", "etf clockid CLOCK_TAI delta 400000", sent, received) for family, sent, received in
      ((6, "a,10", "a,10"), (4, "a,10,b,20", "a,10,b,20"), (6, "a,20,b,10", "b,10,a,20"))],
]
