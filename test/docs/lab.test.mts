import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { quote } from "../../lib/sh.mts";
import { root, skip } from "../lab/fixture.mts";
import { siteLab } from "../support/site.mts";
import { commandsOf } from "./commands.mts";
import { page, pages } from "./pages.mts";

t.setTimeout(900_000);

/** The main commands as the pages have them, in an order in which they can be typed, with the exit status that the pages promise. */
const TYPED: readonly (readonly [command: string, status: number, shows: RegExp])[] = [
  ["./playbooks/site.mts -i inventory/sg --accept-new-host-keys --check --diff", 2, /nats-node-1/],
  ["./playbooks/site.mts -i inventory/sg", 0, /nats-node-3/],
  ["./playbooks/verify.mts -i inventory/sg", 0, /pull from a stream/],
  ["./playbooks/site.mts -i inventory/hk --check", 0, /nats-node-1/],
  ["./playbooks/site.mts -i inventory/sg --role cluster-config", 0, /nats-node-1/],
  ["./playbooks/site.mts -i inventory/sg --limit nats-node-2", 0, /nats-node-2/],
  ["./playbooks/site.mts -i inventory/sg -e max_payload=2MB --check --diff", 2, /\+max_payload: 2MB/],
  ["./playbooks/site.mts --list-tasks", 0, /^cluster-config: file \/etc\/nats\/nats-server\.conf$/m],
  ["./playbooks/site.mts --role cluster-config --check", 0, /nats-node-1/],
  ["./playbooks/status.mts -i inventory/hk", 0, /nats-node-1/],
  ["./playbooks/status.mts -i inventory/hk --json", 0, /"schema":1/],
  ["./playbooks/status.mts -i inventory/hk --check", 0, /^OK - /],
  ["./playbooks/backup.mts -i inventory/hk --keep 14", 0, /backup/],
  ["./playbooks/upgrade.mts -i inventory/hk --to 2.15.1 --check", 0, /2\.15\.1/],
  ["./playbooks/scale.mts", 0, /nats-node-1/],
  ["./playbooks/drill.mts --list", 0, /kill-node/],
  ["./playbooks/drill.mts -i inventory/hk --check", 2, /kill-meta-leader/],
  ["./playbooks/rotate.mts --certificates", 0, /nats-node-1/],
];

t.test("the main commands of the pages do on a lab what they promise", { skip }, async (t) => {
  const site = await siteLab(t, "typed");
  const dir = mkdtempSync(join(tmpdir(), "sampan-typed-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const known = new Set(pages().flatMap((p) => commandsOf(p).map(({ words }) => words.join(" "))));
  for (const [command, status, shows] of TYPED) {
    t.ok(known.has(command), `the pages have: ${command}`);
    const [program, ...args] = command.split(" ");
    const at = args.indexOf("-i");
    if (at >= 0) args.splice(at, 2);
    // Where the reader's inventory is, backups/ is made below.
    const run = spawnSync(join(root, program!), ["-i", site.inventory, ...args], { cwd: dir, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    t.equal(run.status, status, command, { said: `${run.stdout}\n${run.stderr}`.split("\n").slice(-40) });
    t.match(run.stdout, shows, command);
  }

  const asked = page("docs/article.md").blocks.flatMap((b) => b.lines.flatMap(({ text }) => /lab\.mts ssh nats-node-1 -- '(.*)'$/.exec(text)?.[1] ?? []));
  t.equal(asked.length, 1, "docs/article.md asks a host for its routes");
  t.match(await site.sh(site.names[0]!, `bash -c ${quote(asked[0]!)}`), /"routes": 8,[^]*"remotes": 2,/);
});
