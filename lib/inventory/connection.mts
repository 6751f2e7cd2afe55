import * as v from "valibot";
import { address, file, integer, key, port, scalars, secret, section, text, yesNo } from "./fields.mts";

const word = (what: string) => text(what, "write it without spaces, and not with a dash in front", /^[^\s-][^\s]*$/);

/** How to reach a host: the keys that belong to no role. */
export const connection = {
  address: key(address(), "where the host is reached by SSH, and where its peers reach it", { defaultText: "the host's name in the inventory" }),
  ssh: key(
    section({
      user: key(v.optional(word("a user's name")), "user to log in as", { defaultText: "that of ssh_config, else your own" }),
      port: key(v.optional(port()), "port of sshd", { defaultText: "that of ssh_config, else 22" }),
      identity_file: key(v.optional(file()), "private key; relative to the inventory's folder, `~/` is your home", {
        defaultText: "that of ssh_config or the agent",
      }),
      proxy_jump: key(v.optional(word("a jump host")), "bastion host(s) on the way, as ssh's ProxyJump"),
      connect_timeout: key(v.optional(integer(1, 600), 10), "seconds until a host counts as unreachable"),
      options: key(v.optional(scalars("yes", "no"), {}), "further ssh_config options by their own names", { source: "https://man.openbsd.org/ssh_config" }),
    }),
    "the SSH connection",
  ),
  become: key(v.optional(yesNo(), false), "become root by sudo after the login (needed unless `ssh.user` is root)"),
  become_password: key(v.optional(secret("a password", "write ${NAME} and put its value into .env", /^[^\0\r\n]+$/)), "sudo's password, sent on stdin", {
    defaultText: "none: sudo -n",
  }),
};
