import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary } from "./file.mts";
import { rulesOf } from "./nic-steering.mts";

const RULES = rulesOf("ring");

const library: ShellLibrary = {
  name: "nic-ring",
  text: `
# ring_of CARD SIZE: sets RX TX (what it has) and WANT_RX WANT_TX (SIZE or max, as far as the card goes); fails where rings can't be set
ring_of() {
  RX= TX= WANT_RX= WANT_TX= sp_now=
  sp_rings=$(ethtool -g "$1" 2>/dev/null) || return
  while read -r sp_key sp_value _; do
    case $sp_now,$sp_key,$sp_value in
      *,Current,*) sp_now=1 ;;
      *,*,n/a) ;;
      ,RX:,*) WANT_RX=$sp_value ;;
      ,TX:,*) WANT_TX=$sp_value ;;
      1,RX:,*) RX=$sp_value ;;
      1,TX:,*) TX=$sp_value ;;
    esac
  done <<END
$sp_rings
END
  [ "$2" = max ] || { [ "$2" -ge "\${WANT_RX:-0}" ] || WANT_RX=$2; [ "$2" -ge "\${WANT_TX:-0}" ] || WANT_TX=$2; }
  [ -n "$RX" ] && [ -n "$TX" ] && [ -n "$WANT_RX" ] && [ -n "$WANT_TX" ]
}
# with_rings SIZE: sets CARDS to those whose rings can be set, and RULES
with_rings() {
  CARDS= RULES='# Managed by sampan: change \`nic_ring:\` in the inventory instead.'
  for sp_f in /sys/class/net/*/device; do
    sp_card=\${sp_f%/device}
    sp_card=\${sp_card##*/}
    [ -e "$sp_f" ] && ring_of "$sp_card" "$1" || continue
    CARDS="$CARDS $sp_card"
    RULES="$RULES
ACTION==\\"add\\", SUBSYSTEM==\\"net\\", ATTR{address}==\\"$(cat "/sys/class/net/$sp_card/address")\\", RUN+=\\"$(command -v ethtool) -G \\$name rx $WANT_RX tx $WANT_TX\\""
  done
}
nic_ring_check() { # SIZE
  command -v ethtool >/dev/null || skip "rings are set by ethtool, which this host doesn't have: install it, or leave nic_ring out"
  with_rings "$1"
  [ -n "$CARDS" ] || skip "no network card of this host has rings to set"
  for sp_card in $CARDS; do
    ring_of "$sp_card" "$1"
    [ "$RX,$TX" = "$WANT_RX,$WANT_TX" ] || differs "$sp_card" "rx $RX tx $TX" "rx $WANT_RX tx $WANT_TX"
  done
  [ "$(cat ${RULES} 2>/dev/null)" = "$RULES" ] || differs 'at boot' "$(grep -so 'rx [0-9]* tx [0-9]*' ${RULES})" "$1"
}
nic_ring_apply() {
  with_rings "$1"
  for sp_card in $CARDS; do
    ring_of "$sp_card" "$1"
    [ "$RX,$TX" = "$WANT_RX,$WANT_TX" ] || ethtool -G "$sp_card" rx "$WANT_RX" tx "$WANT_TX" || return
  done
  mkdir -p ${RULES.replace(/\/[^/]*$/, "")} && file_write ${RULES} "$RULES
" && file_place "$STAGED" ${RULES} root root 644 || return
  if command -v udevadm >/dev/null; then udevadm control --reload 2>/dev/null; fi
  return 0
}`,
};

/** Sizes of all network cards' rings, in packets, at most what each card can: now and whenever it appears. Many cards drop their link for a moment. */
export const nicRing = ({ size }: { size: number | "max" }): Resource =>
  resource({ type: "nic-ring", name: String(size), uses: [fileLibrary, library], check: sh`nic_ring_check ${size}`, apply: sh`nic_ring_apply ${size}` });
