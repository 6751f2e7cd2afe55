import { createHash } from "node:crypto";
import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary } from "./file.mts";

export const GRUB_DROP_IN = "/etc/default/grub.d/90-sampan.cfg";
export const KERNEL_CMDLINE = "/etc/kernel/cmdline";
/** Debt is marked on the host before the change; the copy in /run lasts exactly as long as the kernel that was booted with the old arguments. */
const STATE = "/var/lib/sampan/kernel-args";
const REMOVED = `${STATE}.removed`;
const RUN_REMOVED = "/run/sampan/kernel-args.removed";

export const kernelArgsLibrary: ShellLibrary = {
  name: "kernel-args",
  text: `
# our_args: sets OURS, the arguments that sampan has declared to the boot loader
our_args() { OURS=$(set -f; echo $({ sed -n 's/^GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX \\(.*\\)"$/\\1/p' ${GRUB_DROP_IN}; cat ${STATE}; } 2>/dev/null)); }
has_word() { case " $1 " in *" $2 "*) ;; *) return 1 ;; esac; } # WORDS WORD
# without WORDS OTHERS: sets LEFT to the words that are not among the others
without() {
  LEFT=
  for sp_word in $1; do has_word "$2" "$sp_word" || LEFT="$LEFT\${LEFT:+ }$sp_word"; done
}
# forget_args NEW: notes which of our arguments go, before they go
forget_args() {
  our_args
  without "$OURS" "$1"
  [ -z "$LEFT" ] || { mkdir -p /var/lib/sampan && printf '%s\\n' "$LEFT" >>${REMOVED}; }
}
removed_args() { cat ${REMOVED} 2>/dev/null; }
# the boot loader has let go of them; the running kernel has not
forgotten() {
  [ -e ${REMOVED} ] || return 0
  mkdir -p /run/sampan && cat ${REMOVED} >>${RUN_REMOVED} && rm -f ${REMOVED}
}
# one_owner LINE SOURCE: two values of one of these, and the kernel takes the wrong one or none
one_owner() {
  for sp_word in $1; do
    case $sp_word in isolcpus=* | nohz_full=* | rcu_nocbs=*) ;; *) continue ;; esac
    for sp_mine in $OURS; do
      [ "\${sp_mine%%=*}" = "\${sp_word%%=*}" ] && [ "$sp_mine" != "$sp_word" ] || continue
      cannot "$2 gives the kernel $sp_word besides sampan's $sp_mine" "remove it there (tuned, cloud-init, an edit by hand?), or take it out of kernel_args"
    done
  done
}
# reboot_pending: sets PENDING, what the running kernel lacks or still has
reboot_pending() {
  PENDING=
  our_args
  text_of /proc/cmdline
  sp_running=$S_TEXT
  without "$OURS" "$sp_running"
  [ -z "$LEFT" ] || PENDING="$LEFT not in the running kernel"
  without "$(cat ${REMOVED} ${RUN_REMOVED} 2>/dev/null)" "$OURS"
  sp_old=
  for sp_word in $LEFT; do ! has_word "$sp_running" "$sp_word" || has_word "$sp_old" "$sp_word" || sp_old="$sp_old\${sp_old:+ }$sp_word"; done
  [ -z "$sp_old" ] || PENDING="$PENDING\${PENDING:+; }$sp_old still in the running kernel"
}
kernel_cmdline() { # ARGS: sets LINE, /etc/kernel/cmdline as it should be
  our_args
  without "$(cat ${KERNEL_CMDLINE})" "$OURS $1"
  LINE="$LEFT\${1:+ }$1"
}`,
};

/** As they stand on the command line. */
export const argWords = (args: Readonly<Record<string, string>>): string[] => Object.entries(args).map(([name, value]) => (value ? `${name}=${value}` : name));

/** Arguments of the kernel's command line in a file of our own that GRUB's configuration is made from. None: no file. */
export function grubArgs({ args }: { args: Readonly<Record<string, string>> }): Resource {
  const wanted = argWords(args).join(" ");
  const content =
    wanted &&
    `# Managed by sampan: change \`kernel_args:\` in the inventory instead. Takes effect by update-grub and a reboot.\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX ${wanted}"\n`;
  const sum = createHash("sha256").update(content).digest("hex");
  return resource({
    type: "kernel-args",
    name: GRUB_DROP_IN,
    uses: [fileLibrary, kernelArgsLibrary],
    check: wanted
      ? sh`file_check ${GRUB_DROP_IN} root root 644 ${sum} ''`
      : sh`our_args; [ ! -e ${GRUB_DROP_IN} ] || { differs arguments "$OURS" ''; differs_file ${GRUB_DROP_IN}; }`,
    apply: wanted
      ? sh`mkdir -p /etc/default/grub.d && forget_args ${wanted} && file_write ${GRUB_DROP_IN} ${content} && file_place "$STAGED" ${GRUB_DROP_IN} root root 644`
      : sh`forget_args '' && rm -f ${GRUB_DROP_IN}`,
    content,
    looksAt: wanted ? { stat: [GRUB_DROP_IN], sum: [GRUB_DROP_IN] } : undefined,
  });
}

/** The same where systemd's kernel-install makes the boot entries: one line, which we share with others, so ours are noted beside it. */
export function kernelCmdlineArgs({ args }: { args: Readonly<Record<string, string>> }): Resource {
  const wanted = argWords(args).join(" ");
  return resource({
    type: "kernel-args",
    name: KERNEL_CMDLINE,
    uses: [fileLibrary, kernelArgsLibrary],
    check: sh`kernel_cmdline ${wanted}
[ "$OURS" = ${wanted} ] && without ${wanted} "$(cat ${KERNEL_CMDLINE})" && [ -z "$LEFT" ] || differs arguments "$(cat ${KERNEL_CMDLINE})" "$LINE"`,
    apply: sh`kernel_cmdline ${wanted}
sp_line=$LINE
forget_args ${wanted} && file_write ${KERNEL_CMDLINE} "$sp_line
" && file_place "$STAGED" ${KERNEL_CMDLINE} root root 644 && mkdir -p /var/lib/sampan && printf '%s\n' ${wanted} >${STATE}`,
  });
}

/** Says when the running kernel isn't the one that is declared; never a change, as the reboot is the user's. */
export function rebootReport({ needs }: { needs: readonly string[] }): Resource {
  return resource({
    type: "kernel-reboot",
    name: "report",
    uses: [kernelArgsLibrary],
    check: sh`reboot_pending
[ -z "$PENDING" ] && return
warn "a reboot is needed: $PENDING; reboot it, or set kernel_reboot: rolling"
skip "a reboot is needed: $PENDING"`,
    apply: sh`:`,
    needs,
  });
}
