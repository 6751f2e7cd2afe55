import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { type Host, UsageError } from "../inventory/types.mts";
import { Secret } from "../secret.mts";

/** Asks for sudo's password, once. @returns what gives it to hosts. @throws UsageError where there is no terminal */
export async function withPassword(): Promise<<V>(hosts: readonly Host<V>[]) => Host<V>[]> {
  const password = await askPassword("sudo password: ");
  return (hosts) => hosts.map((h) => (h.connection.become ? { ...h, connection: { ...h.connection, become_password: password } } : h));
}

/** Asks on the terminal, without echo; Ctrl-C and Ctrl-D end the process, as nothing has begun yet. @throws UsageError where there is no terminal */
async function askPassword(prompt: string): Promise<Secret> {
  if (!process.stdin.isTTY) throw new UsageError("--ask-become-pass needs a terminal; in scripts put the password into .env and set become_password: ${NAME}");
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write(prompt);
  const leave = (): never => {
    process.stderr.write("\nleft; nothing was done\n");
    process.exit(130);
  };
  lines.once("close", leave);
  const answer = await lines.question("");
  lines.off("close", leave).close();
  process.stderr.write("\n");
  return new Secret(answer);
}
