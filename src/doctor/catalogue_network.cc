#include "doctor/catalogue.h"

namespace isotach::doctor {
namespace {

constexpr FindingDescription kFindings[] = {
    {"interface-errors", "links", "no packets are damaged",
     "Packets arrive damaged, or cannot be sent. TCP takes every loss for congestion and slows down.",
     "Error counters of the interface: 10 and more in the time watched, and one in 10,000 packets; critical "
     "from one "
     "in 100.",
     "Change the cable, the plug or the transceiver; isotach link NAME shows which kind of error it is."},
    {"interface-errors-since-boot", "links", "", "Packets were damaged since boot, though none is now.",
     "Error counters since boot: 100 and more, and one in 1,000 packets.",
     "Watch whether they grow: isotach link check -i 60."},
    {"interface-drops", "links", "interfaces drop no packets",
     "The interface throws packets away: it, or this machine, takes them too slowly. Packets of protocols "
     "that "
     "nobody listens to are counted here too.",
     "Drop counters of the interface: 10 and more in the time watched, and one in 1,000 packets.",
     "isotach link NAME shows where. Larger rings and more queues help with bursts: isotach link set."},
    {"interface-drops-since-boot", "links", "", "The interface has dropped packets since boot.",
     "Drop counters since boot: 1,000 and more, and one in 100 packets.",
     "Watch whether they grow: isotach link -i 1."},
    {"link-down", "links", "links in use are up", "A link that was in use has no carrier any more.",
     "The interface is set up, has no carrier, and has carried traffic.",
     "Check the cable and the other end. To silence this: ip link set NAME down."},
    {"link-saturated", "links", "links have room left",
     "An interface carries nearly all that its speed allows. Queues grow, and delays with them.",
     "Bytes of the interface in the time watched: 85 % of its speed and more.",
     "See who uses it: isotach traffic. A faster link, or less at once."},
    {"half-duplex", "links", "links are full duplex",
     "The link cannot send and receive at once. Today this is nearly always a fault: one end is fixed, the "
     "other "
     "falls back to half duplex.",
     "ETHTOOL_MSG_LINKMODES_GET: duplex is half.",
     "Let both ends negotiate: isotach link set NAME autoneg on. isotach link check says which end it comes "
     "from."},
    {"duplex-mismatch", "links", "both ends agree about duplex",
     "One end of the link sends and receives at once, the other does not: frames are destroyed as soon as "
     "both "
     "send. Small transfers work, large ones crawl.",
     "Late collisions at the half-duplex end; damaged frames that are also too short at the full-duplex end.",
     "Let both ends negotiate, or fix both alike: isotach link set NAME autoneg on."},
    {"slow-link", "links", "links run at a usual speed", "A link runs at 10 or 100 Mbit/s.",
     "The negotiated speed of a physical interface is 100 Mbit/s or less.",
     "Mostly a damaged wire pair: change the cable. isotach link check names the reason."},
    {"below-common", "links", "links run at the best common speed",
     "The link runs slower than what both ends offer.",
     "Link modes advertised by both ends against the speed in force.",
     "The cable or a plug is damaged: replace it, then negotiate anew: isotach link set NAME autoneg on."},
    {"below-advertised", "links", "",
     "The link runs slower than what it advertises; the partner tells nothing.",
     "Link modes advertised against the speed in force.",
     "If the port at the other end can do more, the cable has a damaged pair."},
    {"below-expected", "links", "", "The link runs below the speed that was expected (--expect).",
     "The speed in force against --expect of isotach link check.",
     "Look at what else is said of it; if nothing is, card and partner can do no more."},
    {"advertised-narrowed", "links", "all modes are advertised",
     "The interface does not advertise its fastest modes, so that the partner cannot choose them.",
     "Link modes supported against those advertised.", "isotach link set NAME advertise all."},
    {"partner-slower", "links", "", "The other end offers no more than the speed in force.",
     "Link modes of the partner against those of this end.",
     "Use a faster port at the other end, or allow all its modes there."},
    {"forced-below-supported", "links", "no speed is forced below the possible",
     "The speed is fixed below what the interface supports.", "Autonegotiation is off; modes supported.",
     "isotach link set NAME autoneg on."},
    {"autonegotiation-one-side", "links", "both ends negotiate",
     "This end does not negotiate, the partner does: it cannot learn the duplex and falls back to half.",
     "Autonegotiation here and at the partner (link modes).", "isotach link set NAME autoneg on."},
    {"autonegotiation-off", "links", "",
     "Autonegotiation is off, which is right only when the partner is fixed too.",
     "ETHTOOL_MSG_LINKMODES_GET.", "If in doubt: isotach link set NAME autoneg on."},
    {"mtu-differs-from-peer", "links", "MTUs agree",
     "The two ends of a link have different MTUs: larger packets are lost without a word.",
     "MTU of both ends of a veth pair, also in another network namespace.",
     "Set both alike: isotach link set NAME mtu N."},
    {"vlan-mtu", "links", "", "A VLAN has another MTU than the interface below it.", "MTU of both.",
     "Set both alike: isotach link set NAME mtu N."},
    {"bridge-member-mtu", "links", "",
     "A member of a bridge has another MTU than the bridge, which does not fragment.", "MTU of both.",
     "Set all members alike: isotach link set NAME mtu N."},
    {"bond-member-differs", "links", "", "Members of a bond differ in MTU or speed.",
     "MTU and speed of all members.",
     "Set all alike: isotach link set NAME mtu N; look at the slower one: isotach link check."},
    {"qdisc-drops", "queues", "queues of this host drop nothing",
     "Packets of this host are dropped before they reach the interface: more is offered than it takes.",
     "Drops of the queueing disciplines (RTM_GETQDISC): 10 and more, and one in 1,000 packets.",
     "tc -s qdisc show dev NAME. A shaper that is too tight, or a link that is too slow."},
    {"traffic-shaped", "queues", "", "A traffic shaper of this host holds packets back.",
     "over limits of tbf, htb or cake: 100 a second and more.",
     "Right when it is meant: tc -s qdisc show dev NAME."},
    {"softnet-drops", "packets", "CPUs take all packets",
     "Packets were received by the card and dropped before any program saw them: the CPU that handles them "
     "has no "
     "room in its backlog.",
     "Second column of /proc/net/softnet_stat grew.",
     "sysctl -w net.core.netdev_max_backlog=10000; spread the packets over CPUs (RSS, RPS)."},
    {"softnet-squeezed", "packets", "", "CPUs often put packets off because the budget of a round was spent.",
     "Third column of /proc/net/softnet_stat: 100 a second and more.",
     "sysctl -w net.core.netdev_budget=600 net.core.netdev_budget_usecs=8000."},
    {"softirq-saturated", "packets", "no CPU drowns in packets",
     "One CPU does nothing but receive packets, while others may be idle. It is the limit of what this "
     "machine can "
     "receive.",
     "softirq of each CPU in /proc/stat: 80 % of the time and more.",
     "Spread the packets: more queues (isotach link NAME: channels), or RPS in /sys/class/net/NAME/queues."},
    {"tcp-retransmits", "tcp", "TCP sends nearly nothing twice",
     "Much of what TCP sends is lost and sent again. Transfers slow down out of proportion.",
     "RetransSegs against OutSegs in /proc/net/snmp: 1 % and 20 segments; critical from 5 %.",
     "Which connections: isotach connections. Where it gets lost: isotach link check -i 5, isotach path "
     "HOST."},
    {"listen-overflow", "tcp", "listeners keep up",
     "A listening socket's queue is full: clients are turned away, or wait a second and try again.",
     "ListenOverflows in /proc/net/netstat grew; critical from 10 a second.",
     "ss -ltn shows which (Recv-Q at Send-Q). Accept faster, or raise its backlog and net.core.somaxconn."},
    {"listen-overflow-since-boot", "tcp", "", "Listening sockets have turned clients away since boot.",
     "ListenOverflows in /proc/net/netstat: 100 and more.", "See which: ss -ltn at the busiest hour."},
    {"syn-cookies", "tcp", "no listener is flooded",
     "More connections arrive than a listening socket can note down: many clients, or an attack.",
     "SyncookiesSent in /proc/net/netstat grew.",
     "See from where: isotach traffic. Raise net.ipv4.tcp_max_syn_backlog."},
    {"socket-backlog-drops", "tcp", "sockets take their packets",
     "Packets are dropped because their socket is locked by its program while too many wait.",
     "TCPBacklogDrop in /proc/net/netstat: 10 and more.",
     "Spread the load over more sockets, or raise net.ipv4.tcp_rmem."},
    {"receive-buffers-full", "tcp", "receive buffers do not overflow",
     "Receive buffers overflow, so that packets that have arrived are dropped: programs read too slowly, or "
     "the "
     "buffers are too small for the memory that small packets take.",
     "PruneCalled (10 a second) or TCPRcvQDrop (10) in /proc/net/netstat.",
     "isotach doctor shows whose queue is full. The limit is net.ipv4.tcp_rmem."},
    {"udp-receive-drops", "tcp", "datagrams are read in time",
     "Datagrams are dropped in this machine because a program reads them too slowly. It looks like loss in "
     "the "
     "network, and is none.",
     "RcvbufErrors of UDP in /proc/net/snmp: 10 and more, and one in 1,000.",
     "A larger SO_RCVBUF (up to net.core.rmem_max) takes bursts; else the program must be faster."},
    {"tcp-memory", "tcp", "TCP has memory for its buffers",
     "The buffers of all TCP sockets nearly use up what they may. Then windows shrink and connections are "
     "cut.",
     "/proc/net/sockstat against net.ipv4.tcp_mem: 90 % of its pressure level; critical where connections "
     "were cut.",
     "Fewer or smaller buffers, or a larger net.ipv4.tcp_mem (in pages)."},
    {"window-scaling-off", "tcp", "windows can grow",
     "TCP's windows cannot grow beyond 64 KiB, which limits every transfer to 64 KiB a round trip.",
     "net.ipv4.tcp_window_scaling is 0.", "sysctl -w net.ipv4.tcp_window_scaling=1."},
    {"tcp-buffers-small", "tcp", "",
     "The largest size of TCP's buffers is below 1 MiB: long paths stay half empty.",
     "net.ipv4.tcp_rmem and tcp_wmem, third number.",
     "sysctl -w net.ipv4.tcp_rmem=\"4096 131072 6291456\"; what a path needs: isotach path HOST."},
    {"conntrack-full", "tcp", "connection tracking has room",
     "The table of tracked connections is nearly full. When it is, packets of new connections are dropped.",
     "nf_conntrack_count against nf_conntrack_max: 85 %; critical from 97 %.",
     "sysctl -w net.netfilter.nf_conntrack_max=N, or do not track what needs no NAT."},
    {"name-server-silent", "names", "DNS servers answer",
     "A DNS server does not answer. The C library asks it first, waits 5 s for it, and asks the next.",
     "A question for the root's servers to each server of /etc/resolv.conf, 2 s.",
     "Take it out of /etc/resolv.conf, or mend it."},
    {"name-server-slow", "names", "DNS servers answer quickly",
     "A DNS server takes long. Every new name costs that time, and pages ask for a dozen.",
     "The same question: 200 ms and more.", "Put a nearer one first in /etc/resolv.conf, or run a cache."},
    {"name-lookup-slow", "names", "",
     "A program spends much of its time waiting for a DNS server. It is not slow itself, and neither are its "
     "transfers.",
     "At 20 looks a second it waited in poll(2) or recv(2) and held a UDP socket to port 53, 10 % of the "
     "time.",
     "isotach doctor tells how fast each server answers."},
};

}  // namespace

std::span<const FindingDescription> network_findings() {
  return kFindings;
}

}  // namespace isotach::doctor
