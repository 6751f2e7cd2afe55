# Sent once per connection, before anything else; every program of the run uses it. POSIX sh only: dash, bash, busybox.
# Frames go to fd 3: a line `NONCE KIND LENGTH…`, then the fields, so that no output of a step can be taken for one.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022
exec 3>&1
SP_STOP=0 SP_STATS= SP_SUMS= SP_TEXTS= SP_HOLDS=
trap 'SP_STOP=1' USR1
trap 'exit 141' PIPE
trap 'exit 143' TERM HUP INT
trap 'sp_release' EXIT
sp_nl='
'

emit() {
  sp_kind=$1 sp_lengths=
  shift
  for sp_field do sp_lengths="$sp_lengths ${#sp_field}"; done
  # A failed write means that nobody listens any more: nothing further may run.
  { printf '\n%s %s%s\n' "$SP_NONCE" "$sp_kind" "$sp_lengths" && { [ $# -eq 0 ] || printf '%s' "$@"; }; } >&3 || exit 141
}

# --- for checks -----------------------------------------------------------------------------------------------------------
# differs ATTRIBUTE CURRENT DESIRED
differs() { SP_DIFFERS=90; emit "d$SP_PASS" "$1" "$2" "$3"; }
# differs_file PATH: the current text of a file, for --diff
differs_file() {
  [ "$SP_DIFF" = 1 ] && [ "$SP_PASS" = 1 ] && [ -f "$1" ] || return 0
  # Read before it is measured: a file that shrinks in between must not break the frame.
  sp_text=$(head -c 262145 "$1" 2>/dev/null | tr -d '\000'; printf .)
  sp_text=${sp_text%.}
  [ "${#sp_text}" -gt 262144 ] || emit c "$sp_text"
}
# tells NAME VALUE: something the playbook wants to know of this host
tells() { emit o "$1" "$2"; }
# skip REASON: this can't or needn't be done on this host
skip() { emit r "$1" ''; exit 91; }
# warn TEXT: something the user should know though the step is as it should be; shown once, never a failure
warn() { [ "$SP_PASS" = 2 ] || emit n "$1"; }
# cannot REASON [NEXT]: a failure in plain words
cannot() { emit r "$1" "${2-}"; exit 92; }

# --- steps ----------------------------------------------------------------------------------------------------------------
# A step has no stdin, doesn't hold the lock open, and its output is kept until it is needed.
sp_run() {
  SP_OUT=$(
    SP_DIFFERS=0
    "$1" </dev/null 2>&1 9>&-
    sp_status=$?
    [ "$sp_status" -eq 0 ] || exit "$sp_status"
    exit "$SP_DIFFERS"
  )
}
sp_fail() { emit e "$1" failed "$2" "$3" "$(printf '%s' "$SP_OUT" | tail -c 4000)"; return 1; }
sp_depends() {
  for sp_need in $1; do
    case " $SP_DRIFTED " in *" $sp_need "*) SP_DEPENDS=$sp_need; return 0 ;; esac
  done
  return 1
}

# step ID NEEDS NAME: check_ID, and in apply mode apply_ID and check_ID again
step() {
  [ "$SP_STOP" = 0 ] || { emit stopped "$1"; return 1; }
  emit s "$1"
  if [ "$SP_MODE" = check ] && sp_depends "$2"; then
    SP_DRIFTED="$SP_DRIFTED $1"
    emit e "$1" unknown "$SP_DEPENDS"
    return 0
  fi
  SP_PASS=1
  sp_run "check_$1"
  sp_status=$?
  case $sp_status in
    0) emit e "$1" ok; return 0 ;;
    90) ;;
    91) emit e "$1" skipped; return 0 ;;
    *) sp_fail "$1" check "$sp_status"; return 1 ;;
  esac
  SP_DRIFTED="$SP_DRIFTED $1"
  [ "$SP_MODE" = apply ] || { emit e "$1" drift; return 0; }
  sp_converge "$1" "$3"
}
sp_converge() {
  SP_STATS= SP_SUMS= SP_TEXTS= SP_PASS=2
  sp_run "apply_$1" || { sp_fail "$1" apply "$?"; return 1; }
  sp_run "check_$1"
  sp_status=$?
  case $sp_status in
    0) sp_audit "$2"; emit e "$1" changed ;;
    *) sp_fail "$1" converge "$sp_status" ;;
  esac
}

# handler ID NOTIFIERS NAME: runs when the host's own state says that it is due
handler() {
  if [ "$SP_MODE" = check ] && sp_depends "$2"; then
    emit s "$1"
    emit e "$1" notified "$SP_DEPENDS"
    return 0
  fi
  step "$1" '' "$3"
}

# due ID NOTIFIERS: a rolling handler is only looked at here; the playbook rolls it node by node
due() {
  emit s "$1"
  if [ "$SP_MODE" = check ] && sp_depends "$2"; then emit e "$1" notified "$SP_DEPENDS"; return 0; fi
  SP_PASS=1
  sp_run "check_$1"
  sp_status=$?
  case $sp_status in
    0) emit e "$1" ok ;;
    90) if [ "$SP_MODE" = check ]; then emit e "$1" drift; else emit e "$1" due; fi ;;
    91) emit e "$1" skipped ;;
    *) sp_fail "$1" check "$sp_status" ;;
  esac
}

# want SHA256 SIZE DESTINATION: asks the controller for bytes and waits until they lie, verified, at DESTINATION.
want() {
  rm -rf "$3.part" "$3.part.whole" "$3"
  emit w "$1" "$3.part"
  until [ -e "$3.part.whole" ]; do
    emit t
    sleep 0.1 2>/dev/null || sleep 1
  done
  rm -f "$3.part.whole"
  sp_got=$(sha256sum "$3.part") && sp_got=${sp_got%% *}
  [ "$sp_got" = "$1" ] || { rm -f "$3.part"; cannot "the bytes received for $3 have the wrong sha256 ($sp_got instead of $1)" "run again"; }
  mv "$3.part" "$3"
}

# --- the lock and the log -------------------------------------------------------------------------------------------------
# sp_lock HOLDER ORIGIN ENDED-ORIGIN (lock.mts)
sp_lock() {
  # not `:`: a redirection that fails ends the shell when the command is a special one
  { mkdir -p /run/sampan && true >>/run/sampan/lock; } 2>/dev/null || { emit locked "can't write /run/sampan/lock" ''; exit 1; }
  exec 9>>/run/sampan/lock
  flock -n 9 || sp_succeed "${3-}" || { emit locked "$(cat /run/sampan/holder 2>/dev/null)" busy "$SP_OTHER"; exit 1; }
  printf '%s' "$1" >/run/sampan/holder
  printf '%s %s\n' $$ "${2-}" >/run/sampan/shell
  SP_HOLDS=1
}
# sp_succeed ORIGIN: ends the shell of a run that has ended without this host's hearing of it. Its step in hand finishes.
sp_succeed() {
  sp_pid= SP_OTHER=
  { read -r sp_pid SP_OTHER </run/sampan/shell; } 2>/dev/null
  [ -n "$1" ] && [ "$1" = "$SP_OTHER" ] || return
  kill -TERM "$sp_pid" 2>/dev/null
  flock -w 1 9 && return
  # an idle bash doesn't hear TERM
  grep -qs "^PPid:[[:space:]]*$sp_pid\$" /proc/[0-9]*/status || kill -KILL "$sp_pid" 2>/dev/null
  flock -w 25 9
}
sp_release() { [ -z "$SP_HOLDS" ] || rm -f /run/sampan/holder; }
sp_audit() {
  [ -d /var/log/sampan ] || mkdir -m 0750 /var/log/sampan
  (umask 027; printf '%s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$SP_WHO" "$1" >>/var/log/sampan/audit.log)
}

# prefetch: one stat, one sha256sum and one grep for all files of a program, instead of one each per step. Any apply throws them away.
# Only regular files are opened: a pipe in a file's place would never end.
sp_prefetch_stat() { SP_STATS=$sp_nl$(stat -c '%n	%F	%a	%U	%G	%u	%g' -- "$@" 2>/dev/null)$sp_nl; }
sp_prefetch_sum() {
  for sp_file do shift; [ ! -f "$sp_file" ] || set -- "$@" "$sp_file"; done
  [ $# -eq 0 ] || SP_SUMS=$sp_nl$(sha256sum -- "$@" 2>/dev/null)$sp_nl
}
sp_prefetch_text() {
  for sp_file do shift; [ ! -f "$sp_file" ] || set -- "$@" "$sp_file"; done
  SP_TEXTS=$sp_nl$(grep -s '' /dev/null "$@")$sp_nl
}
# stat_of PATH: sets S_TYPE S_MODE S_OWNER S_GROUP S_UID S_GID; S_TYPE is empty when nothing is there. Doesn't follow links.
stat_of() {
  case $SP_STATS in
    *"$sp_nl$1	"*) sp_line=${SP_STATS#*"$sp_nl$1	"}; sp_line=${sp_line%%"$sp_nl"*} ;;
    *) sp_line=$(stat -c '%F	%a	%U	%G	%u	%g' -- "$1" 2>/dev/null) ;;
  esac
  sp_ifs=$IFS
  IFS='	'
  set -f
  set -- $sp_line
  set +f
  IFS=$sp_ifs
  S_TYPE=${1-} S_MODE=${2-} S_OWNER=${3-} S_GROUP=${4-} S_UID=${5-} S_GID=${6-}
}
# sum_of PATH: sets S_SUM, empty when it can't be read
sum_of() {
  case $SP_SUMS in
    *"  $1$sp_nl"*) sp_line=${SP_SUMS%%"  $1$sp_nl"*}; S_SUM=${sp_line##*"$sp_nl"} ;;
    *) S_SUM=$(sha256sum <"$1" 2>/dev/null) && S_SUM=${S_SUM%% *} ;;
  esac
}
# text_of PATH: sets S_TEXT to the first line, fails when it can't be read. Not by `read`: dash reads byte by byte, and files of
# /proc/sys give nothing after the first read.
text_of() {
  case $SP_TEXTS in
    *"$sp_nl$1:"*) S_TEXT=${SP_TEXTS#*"$sp_nl$1:"}; S_TEXT=${S_TEXT%%"$sp_nl"*} ;;
    *) S_TEXT=$(head -n 1 -- "$1" 2>/dev/null) ;;
  esac
}
# will_sum PATH, will_link PATH: S_SUM and S_LINK as they will be once this program has been applied
will_sum() {
  case $SP_WILL in
    *"  $1$sp_nl"*) sp_line=${SP_WILL%%"  $1$sp_nl"*}; S_SUM=${sp_line##*"$sp_nl"} ;;
    *) sum_of "$1" ;;
  esac
}
will_link() {
  case $SP_WILL in
    *"${sp_nl}link $1 "*) sp_line=${SP_WILL#*"${sp_nl}link $1 "}; S_LINK=${sp_line%%"$sp_nl"*} ;;
    *) S_LINK=$(readlink "$1") ;;
  esac
}
