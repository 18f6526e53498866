// The tables of ethtool_reply.h.
#include <linux/ethtool_netlink.h>

#include <array>

#include "kernel/ethtool_reply.h"

namespace isotach::kernel {
namespace {

// Newer than the headers of Debian 12, whose numbers end with Linux 6.1.
constexpr std::uint16_t kRingsReceivePush = 14;

constexpr std::array kPort = {
    EthtoolField{ETHTOOL_A_LINKINFO_PORT, 1, "port", "port", ""},
    EthtoolField{ETHTOOL_A_LINKINFO_PHYADDR, 1, "phy_address", "address of the PHY", ""},
    EthtoolField{ETHTOOL_A_LINKINFO_TP_MDIX, 1, "mdix", "MDI-X", ""},
    EthtoolField{ETHTOOL_A_LINKINFO_TP_MDIX_CTRL, 1, "mdix_control", "MDI-X asked for", ""},
    EthtoolField{ETHTOOL_A_LINKINFO_TRANSCEIVER, 1, "transceiver", "transceiver", ""},
};
constexpr std::array kCarrier = {
    EthtoolField{ETHTOOL_A_LINKSTATE_LINK, 1, "link_detected", "link detected", "", true},
    EthtoolField{ETHTOOL_A_LINKSTATE_SQI, 4, "signal_quality", "signal quality", ""},
    EthtoolField{ETHTOOL_A_LINKSTATE_SQI_MAX, 4, "signal_quality_max", "signal quality at most", ""},
    EthtoolField{ETHTOOL_A_LINKSTATE_EXT_STATE, 1, "extended_state", "extended state", ""},
};
constexpr std::array kRings = {
    EthtoolField{ETHTOOL_A_RINGS_RX_MAX, 4, "rx_max", "receive, at most", ""},
    EthtoolField{ETHTOOL_A_RINGS_RX_MINI_MAX, 4, "rx_mini_max", "receive mini, at most", ""},
    EthtoolField{ETHTOOL_A_RINGS_RX_JUMBO_MAX, 4, "rx_jumbo_max", "receive jumbo, at most", ""},
    EthtoolField{ETHTOOL_A_RINGS_TX_MAX, 4, "tx_max", "send, at most", ""},
    EthtoolField{ETHTOOL_A_RINGS_RX, 4, "rx", "receive", "rx-ring"},
    EthtoolField{ETHTOOL_A_RINGS_RX_MINI, 4, "rx_mini", "receive mini", "rx-mini-ring"},
    EthtoolField{ETHTOOL_A_RINGS_RX_JUMBO, 4, "rx_jumbo", "receive jumbo", "rx-jumbo-ring"},
    EthtoolField{ETHTOOL_A_RINGS_TX, 4, "tx", "send", "tx-ring"},
    EthtoolField{ETHTOOL_A_RINGS_RX_BUF_LEN, 4, "rx_buf_len", "bytes of a receive buffer", ""},
    EthtoolField{ETHTOOL_A_RINGS_CQE_SIZE, 4, "cqe_size", "bytes of a completion", ""},
    EthtoolField{ETHTOOL_A_RINGS_TX_PUSH, 1, "tx_push", "send push", "", true},
    EthtoolField{kRingsReceivePush, 1, "rx_push", "receive push", "", true},
};
constexpr std::array kChannels = {
    EthtoolField{ETHTOOL_A_CHANNELS_RX_MAX, 4, "rx_max", "receive, at most", ""},
    EthtoolField{ETHTOOL_A_CHANNELS_TX_MAX, 4, "tx_max", "send, at most", ""},
    EthtoolField{ETHTOOL_A_CHANNELS_OTHER_MAX, 4, "other_max", "other, at most", ""},
    EthtoolField{ETHTOOL_A_CHANNELS_COMBINED_MAX, 4, "combined_max", "combined, at most", ""},
    EthtoolField{ETHTOOL_A_CHANNELS_RX_COUNT, 4, "rx", "receive", "rx-channels"},
    EthtoolField{ETHTOOL_A_CHANNELS_TX_COUNT, 4, "tx", "send", "tx-channels"},
    EthtoolField{ETHTOOL_A_CHANNELS_OTHER_COUNT, 4, "other", "other", "other-channels"},
    EthtoolField{ETHTOOL_A_CHANNELS_COMBINED_COUNT, 4, "combined", "combined", "combined-channels"},
};
constexpr EthtoolField coalesce(std::uint16_t attribute, std::string_view name, std::string_view word) {
  return {attribute, 4, name, word, word};
}
constexpr EthtoolField coalesce_switch(std::uint16_t attribute, std::string_view name,
                                       std::string_view word) {
  return {attribute, 1, name, word, word, true};
}
constexpr std::array kCoalesce = {
    coalesce_switch(ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX, "adaptive_rx", "adaptive-rx"),
    coalesce_switch(ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX, "adaptive_tx", "adaptive-tx"),
    coalesce(ETHTOOL_A_COALESCE_RX_USECS, "rx_usecs", "rx-usecs"),
    coalesce(ETHTOOL_A_COALESCE_RX_MAX_FRAMES, "rx_frames", "rx-frames"),
    coalesce(ETHTOOL_A_COALESCE_RX_USECS_IRQ, "rx_usecs_irq", "rx-usecs-irq"),
    coalesce(ETHTOOL_A_COALESCE_RX_MAX_FRAMES_IRQ, "rx_frames_irq", "rx-frames-irq"),
    coalesce(ETHTOOL_A_COALESCE_TX_USECS, "tx_usecs", "tx-usecs"),
    coalesce(ETHTOOL_A_COALESCE_TX_MAX_FRAMES, "tx_frames", "tx-frames"),
    coalesce(ETHTOOL_A_COALESCE_TX_USECS_IRQ, "tx_usecs_irq", "tx-usecs-irq"),
    coalesce(ETHTOOL_A_COALESCE_TX_MAX_FRAMES_IRQ, "tx_frames_irq", "tx-frames-irq"),
    coalesce(ETHTOOL_A_COALESCE_STATS_BLOCK_USECS, "stats_block_usecs", "stats-block-usecs"),
    coalesce(ETHTOOL_A_COALESCE_RATE_SAMPLE_INTERVAL, "sample_interval", "sample-interval"),
    coalesce(ETHTOOL_A_COALESCE_PKT_RATE_LOW, "pkt_rate_low", "pkt-rate-low"),
    coalesce(ETHTOOL_A_COALESCE_RX_USECS_LOW, "rx_usecs_low", "rx-usecs-low"),
    coalesce(ETHTOOL_A_COALESCE_RX_MAX_FRAMES_LOW, "rx_frames_low", "rx-frames-low"),
    coalesce(ETHTOOL_A_COALESCE_TX_USECS_LOW, "tx_usecs_low", "tx-usecs-low"),
    coalesce(ETHTOOL_A_COALESCE_TX_MAX_FRAMES_LOW, "tx_frames_low", "tx-frames-low"),
    coalesce(ETHTOOL_A_COALESCE_PKT_RATE_HIGH, "pkt_rate_high", "pkt-rate-high"),
    coalesce(ETHTOOL_A_COALESCE_RX_USECS_HIGH, "rx_usecs_high", "rx-usecs-high"),
    coalesce(ETHTOOL_A_COALESCE_RX_MAX_FRAMES_HIGH, "rx_frames_high", "rx-frames-high"),
    coalesce(ETHTOOL_A_COALESCE_TX_USECS_HIGH, "tx_usecs_high", "tx-usecs-high"),
    coalesce(ETHTOOL_A_COALESCE_TX_MAX_FRAMES_HIGH, "tx_frames_high", "tx-frames-high"),
    coalesce_switch(ETHTOOL_A_COALESCE_USE_CQE_MODE_RX, "cqe_mode_rx", "cqe-mode-rx"),
    coalesce_switch(ETHTOOL_A_COALESCE_USE_CQE_MODE_TX, "cqe_mode_tx", "cqe-mode-tx"),
};
constexpr std::array kPause = {
    EthtoolField{ETHTOOL_A_PAUSE_AUTONEG, 1, "autonegotiation", "negotiated", "pause-autoneg", true},
    EthtoolField{ETHTOOL_A_PAUSE_RX, 1, "rx", "receive", "rx-pause", true},
    EthtoolField{ETHTOOL_A_PAUSE_TX, 1, "tx", "send", "tx-pause", true},
};
constexpr std::array kEee = {
    EthtoolField{ETHTOOL_A_EEE_ENABLED, 1, "enabled", "enabled", "eee", true},
    EthtoolField{ETHTOOL_A_EEE_ACTIVE, 1, "active", "active", "", true},
    EthtoolField{ETHTOOL_A_EEE_TX_LPI_ENABLED, 1, "tx_lpi_enabled", "send low-power idle", "tx-lpi", true},
    EthtoolField{ETHTOOL_A_EEE_TX_LPI_TIMER, 4, "tx_lpi_timer_us", "idle before, us", "tx-timer"},
};
constexpr std::array kFec = {
    EthtoolField{ETHTOOL_A_FEC_AUTO, 1, "auto", "chosen by the driver", "", true},
    EthtoolField{ETHTOOL_A_FEC_ACTIVE, 4, "active", "active", ""},
};

const std::array<EthtoolGroupInfo, kEthtoolGroupCount> kGroups = {{
    {"port", "port", ETHTOOL_MSG_LINKINFO_GET, 0, kPort},
    {"carrier", "carrier", ETHTOOL_MSG_LINKSTATE_GET, 0, kCarrier},
    {"rings", "ring sizes", ETHTOOL_MSG_RINGS_GET, ETHTOOL_MSG_RINGS_SET, kRings},
    {"channels", "channels", ETHTOOL_MSG_CHANNELS_GET, ETHTOOL_MSG_CHANNELS_SET, kChannels},
    {"coalesce", "interrupt coalescing", ETHTOOL_MSG_COALESCE_GET, ETHTOOL_MSG_COALESCE_SET, kCoalesce},
    {"pause", "pause frames", ETHTOOL_MSG_PAUSE_GET, ETHTOOL_MSG_PAUSE_SET, kPause},
    {"eee", "energy-efficient Ethernet", ETHTOOL_MSG_EEE_GET, ETHTOOL_MSG_EEE_SET, kEee},
    {"fec", "forward error correction", ETHTOOL_MSG_FEC_GET, 0, kFec},
}};

}  // namespace

const EthtoolGroupInfo& ethtool_group(EthtoolGroup group) {
  return kGroups[static_cast<std::size_t>(group)];
}

std::optional<FieldOfGroup> find_settable_field(std::string_view word) {
  if (word.empty()) return std::nullopt;
  for (std::size_t group = 0; group < kGroups.size(); ++group)
    for (std::size_t field = 0; field < kGroups[group].fields.size(); ++field)
      if (kGroups[group].fields[field].word == word)
        return FieldOfGroup{static_cast<EthtoolGroup>(group), field};
  return std::nullopt;
}

}  // namespace isotach::kernel
