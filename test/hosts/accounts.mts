import { quote } from "../../lib/sh.mts";

interface Account {
  shell?: string;
  /** sudo asks for it; without one it asks for nothing */
  password?: string;
  /** further lines for sudoers; USER is the account */
  defaults?: string;
}

/** Shell text that makes a user who has the lab's login key, and sudo. */
export function account(name: string, { shell = "/bin/bash", password, defaults = "" }: Account = {}): string {
  return `set -e
    useradd --create-home --shell ${quote(shell)} ${name}
    cp -r ~ops/.ssh /home/${name}/ && chown -R ${name}: /home/${name}/.ssh
    printf '%s\\n' ${quote(defaults.replaceAll("USER", name))} '${name} ALL=(ALL) ${password === undefined ? "NOPASSWD: " : ""}ALL' >/etc/sudoers.d/${name}
    visudo -qcf /etc/sudoers.d/${name}
    ${password === undefined ? "" : `printf '%s\\n' ${quote(`${name}:${password}`)} | chpasswd`}`;
}
