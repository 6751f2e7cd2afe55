import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { cpuListLibrary } from "./irq-affinity.mts";
import { GRUB_DROP_IN, kernelArgsLibrary } from "./kernel-args.mts";

const library: ShellLibrary = {
  name: "kernel-support",
  text: `
# rival_args ARGUMENT…: other files that give the kernel one of these with another value, and those that throw ours away
rival_args() {
  for sp_f in /etc/default/grub /etc/default/grub.d/*.cfg /etc/tuned/bootcmdline /etc/kernel/cmdline.d/*.conf; do
    [ -f "$sp_f" ] && [ "$sp_f" != ${GRUB_DROP_IN} ] || continue
    sp_text=$(grep -v '^[[:space:]]*#' "$sp_f" | tr "\\"'" '  ')
    for sp_word in $sp_text; do
      case $sp_word in isolcpus=* | nohz_full=* | rcu_nocbs=*) ;; *) continue ;; esac
      for sp_mine do
        [ "\${sp_mine%%=*}" = "\${sp_word%%=*}" ] && [ "$sp_mine" != "$sp_word" ] || continue
        cannot "$sp_f gives the kernel $sp_word besides sampan's $sp_mine" "$(rival_next "$sp_f" "$sp_word")"
      done
    done
    case $sp_f in
      /etc/default/grub.d/*)
        LC_ALL=C expr "x$sp_f" \\> "x${GRUB_DROP_IN}" >/dev/null || continue
        ! grep -E '^[[:space:]]*GRUB_CMDLINE_LINUX=' "$sp_f" | grep -qv 'GRUB_CMDLINE_LINUX=.*GRUB_CMDLINE_LINUX' ||
          cannot "$sp_f is read after ${GRUB_DROP_IN} and sets GRUB_CMDLINE_LINUX anew" "let it append: GRUB_CMDLINE_LINUX=\\"\\$GRUB_CMDLINE_LINUX …\\", or give it a lower number" ;;
    esac
  done
}
rival_next() {
  case $1 in
    */tuned/*) echo "choose a profile of tuned without it (tuned-adm profile), or take it out of kernel_args" ;;
    *) echo "remove $2 there, or take it out of kernel_args" ;;
  esac
}
# boot_writable ARGUMENT…: a /boot that is mounted read-only is fine as long as nothing has to be written
boot_writable() {
  our_args
  [ "$OURS" = "$*" ] || [ ! -d /boot ] || [ -w /boot ] || cannot "/boot is mounted read-only, and the arguments have to go into it" "mount -o remount,rw /boot, and run again"
}
# together LIST FILE…: files with CPU lists of which some are in LIST and some aren't; sets SPLIT
together() {
  expand_cpus "$1"
  sp_mine=$EXPANDED SPLIT=
  shift
  for sp_f do
    [ -r "$sp_f" ] || continue
    sp_list=$(cat "$sp_f") sp_in= sp_out=
    expand_cpus "$sp_list"
    for sp_cpu in $EXPANDED; do case $sp_mine in *" $sp_cpu "*) sp_in=1 ;; *) sp_out=1 ;; esac; done
    [ -z "$sp_in" ] || [ -z "$sp_out" ] || case ", $SPLIT," in *", $sp_list,"*) ;; *) SPLIT="$SPLIT\${SPLIT:+, }$sp_list" ;; esac
  done
}
topology_check() { # LIST: only said, as both work, but worse than they could
  together "$1" /sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list
  [ -z "$SPLIT" ] || warn "CPUs $1 are set apart, but of the cores with the threads $SPLIT only one: what the other thread does slows it down; keep siblings together"
  sp_nodes=
  for sp_f in /sys/devices/system/node/node[0-9]*; do
    [ -r "$sp_f/cpulist" ] || continue
    expand_cpus "$1"
    sp_mine=$EXPANDED
    expand_cpus "$(cat "$sp_f/cpulist")"
    for sp_cpu in $EXPANDED; do case $sp_mine in *" $sp_cpu "*) sp_nodes="$sp_nodes\${sp_nodes:+, }\${sp_f##*/node}"; break ;; esac; done
  done
  case $sp_nodes in *,*) warn "CPUs $1 lie on the NUMA nodes $sp_nodes: half of the server's memory is far from each of its threads; keep to one node" ;; esac
}`,
};

/**
 * What keeps kernel arguments from working on this host, before anything is written: one failure for all that is known of it, or the
 * file that has a say in them too; and warnings where they work badly.
 * @param obstacles what the facts tell already
 * @param unknown why the kernel's configuration can't be judged
 * @param apart the CPUs that are set apart, `""` for none
 */
export function kernelSupport(spec: { args: readonly string[]; apart: string; obstacles: readonly string[]; unknown: string | undefined }): Resource {
  const { args, apart, obstacles, unknown } = spec;
  const next = "correct kernel_args in the inventory, or boot a kernel that has it";
  return resource({
    type: "kernel-support",
    name: args.map((arg) => arg.split("=")[0]!).join(" "),
    uses: [kernelArgsLibrary, cpuListLibrary, library],
    apply: sh`:`,
    check: obstacles.length
      ? sh`cannot ${obstacles.join("; ")} ${next}`
      : sh`rival_args ${args}
boot_writable ${args}
[ -z ${apart} ] || topology_check ${apart}
[ -z ${unknown ?? ""} ] || { warn ${unknown ?? ""}; skip ${unknown ?? ""}; }`,
  });
}
