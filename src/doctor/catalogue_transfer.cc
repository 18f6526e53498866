#include "doctor/catalogue.h"

namespace isotach::doctor {
namespace {

constexpr std::string_view kArea = "transfers";

constexpr FindingDescription kFindings[] = {
    {"transfer-narrow-path", kArea, "",
     "The narrowest link of the path is full, of this transfer alone. Nothing is broken; the path carries no "
     "more.",
     "A queue stands (round trip against the least), the rate is steady, and losses come only from that "
     "queue; or the "
     "rate reaches 85 % of the capacity that packet trains measured.",
     "A faster link. Where the narrow one is: isotach path HOST."},
    {"transfer-congestion", kArea, "", "Others fill the path: the transfer gets a part of it.",
     "A queue stands, or comes and goes, and what is delivered in intervals of 50 ms varies as packets of "
     "others make it vary; "
     "or the "
     "rate is below 70 % of the measured capacity.",
     "See who else sends: isotach traffic. Give this transfer its share (fq_codel, cake), or send at another "
     "time."},
    {"transfer-loss", kArea, "",
     "Packets get lost that no queue of this transfer has dropped: damaged frames, radio, or short "
     "overloads. "
     "TCP takes it for congestion.",
     "0.04 % and more is sent again while the round trip stays near its least.",
     "isotach link check -i 5 on each machine of the path. bbr as congestion control minds random loss "
     "little."},
    {"transfer-policer", kArea, "",
     "Something on the path drops what exceeds a rate instead of queueing it, as providers do.",
     "Losses without a queue that come many at a time: in fewer intervals of 50 ms than chance would spread "
     "them "
     "over, by 1.45 and more, or of trains of probes 10 % and three times as much as of the transfer; and "
     "the round trips around them are less than 30 % above the least.",
     "Shape just below the rate before it gets there (tbf, fq, cake), or ask for the rate."},
    {"transfer-reordering", kArea, "", "Packets overtake each other; the sender takes them for lost.",
     "tcp_info: reord_seen 20 a second and more, and 30 % of the retransmissions were not needed (DSACK), or "
     "no queue stands though the congestion window is what holds it.",
     "Links in parallel should spread flows, not packets. net.ipv4.tcp_recovery=1 (RACK) bears with it."},
    {"transfer-bufferbloat", kArea, "",
     "The path is full, and a queue in it is so long that everything through it waits: calls and pages "
     "suffer.",
     "The median round trip is 100 ms and more above the least, with a steady rate.",
     "On the router before the narrow link: tc qdisc replace dev DEV root cake bandwidth RATE. At the sender "
     "bbr "
     "keeps the queue short."},
    {"transfer-black-hole", kArea, "",
     "Large packets vanish: a link of the path has a smaller MTU, and its message about it is dropped. "
     "Connections "
     "open, and then stand still.",
     "The handshake passed, segments were sent, timeouts follow each other, and nothing of full size was "
     "acknowledged.",
     "sysctl -w net.ipv4.tcp_mtu_probing=1 at the sender; let ICMP \"fragmentation needed\" through the "
     "firewalls."},
    {"transfer-link-speed", kArea, "",
     "The transfer is limited by the own link, which runs slower than it could.",
     "The rate is 70 % and more of the link's speed, and isotach link check finds the speed too low.",
     "What isotach link check says: mostly the cable."},
    {"transfer-duplex-mismatch", kArea, "",
     "The ends of the own link disagree about duplex: frames are destroyed.",
     "The link's duplex and counters, as isotach link check judges them.",
     "Let both ends negotiate: isotach link set NAME autoneg on."},
    {"transfer-local-limit", kArea, "",
     "This host holds packets back itself: by pacing, or by a traffic shaper.",
     "Data waits, and neither the window nor the congestion window is used up; or the rate is "
     "SO_MAX_PACING_RATE.",
     "tc -s qdisc show; look whether the program sets SO_MAX_PACING_RATE."},
    {"transfer-receive-window", kArea, "",
     "The receiver's buffer is too small for the path: its window is full a round trip long. This is not the "
     "network.",
     "tcp_info: rwnd_limited, and unacked against snd_wnd; the receiver's queue is empty.",
     "A larger net.ipv4.tcp_rmem at the receiver. A program that sets SO_RCVBUF switches off that it grows."},
    {"transfer-receiver-application", kArea, "", "The receiving program does not read fast enough.",
     "More than 20 % of the receiver's buffer stands unread while the sender waits for its window; seen from "
     "the "
     "sender alone, the window shrinks and grows, or is full while round trips are longer than they need be.",
     "Look at the program: isotach doctor --pid PID over there."},
    {"transfer-receiver-disk", kArea, "", "The receiving program waits for its disk.",
     "As above, and its thread is in a call that writes a file, or in uninterruptible sleep.",
     "isotach vm -d 1 shows the disk. Write elsewhere, or with less syncing."},
    {"transfer-receiver-cpu", kArea, "", "The receiving program has no CPU time left.",
     "As above, and its thread runs, or is ready to.",
     "More connections or threads, cheaper encryption or compression; perf top -p PID shows what it does."},
    {"transfer-send-buffer", kArea, "", "The sender's buffer is too small for the path.",
     "The send buffer is full while nothing unsent waits in it, and there is no long queue. tcp_info's "
     "sndbuf_limited alone proves nothing: it stays 0 with a blocking writer.",
     "A larger net.ipv4.tcp_wmem at the sender. A program that sets SO_SNDBUF switches off that it grows."},
    {"transfer-sender-application", kArea, "",
     "The sending program offers no more. Right, where it has no more.",
     "Nothing unsent waits, and the thread is not in a call that writes to the socket.",
     "Look what it waits for: isotach doctor --pid PID."},
    {"transfer-sender-disk", kArea, "", "The sending program waits for its disk.",
     "As above, and its thread is in a call that reads a file, or in uninterruptible sleep.",
     "isotach vm -d 1 shows the disk. Read ahead, or from a faster one."},
    {"transfer-sender-cpu", kArea, "", "The sending program has no CPU time left.",
     "As above, and its thread runs, or is ready to.",
     "More connections or threads, cheaper encryption or compression; perf top -p PID shows what it does."},
    {"transfer-waits-for-answers", kArea, "",
     "The sender waits for an answer before it sends on: round trips limit it.",
     "As above, and its thread reads from the socket, or data came back in between.",
     "Send the next before the answer has come, or use several connections."},
};

}  // namespace

std::span<const FindingDescription> transfer_findings() {
  return kFindings;
}

}  // namespace isotach::doctor
