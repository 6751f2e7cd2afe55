import { spawnSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { labSync, root } from "./fixture.mts";

t.test("help", async (t) => {
  t.match(labSync("--help"), { status: 0, stdout: /^\.\/playbooks\/lab\.mts: .*\n\nUsage: \.\/playbooks\/lab\.mts up\|down\|status/, stderr: "" });
  t.match(labSync("up", "-h"), { status: 0, stdout: /--region NAME/ });
});

t.test("bad usage is one line on stderr and status 3", async (t) => {
  for (const [args, text] of [
    [[], "say what to do: up, down, status or ssh"],
    [["upp"], '"upp" is none of up, down, status, ssh'],
    [["up", "3"], '"3" is too many'],
    [["up", "--nodes", "0"], "--nodes 0 is no number of hosts"],
    [["up", "--nodes", "x"], "--nodes x is no number of hosts"],
    [["up", "--nodes", "101"], "a lab can't have 101 hosts: choose 1 to 100"],
    [["up", "--single", "--nodes", "3"], "--nodes and --single contradict each other"],
    [["down", "--single"], "--nodes and --single go with up"],
    [["status", "--vm"], "--vm goes with up"],
    [["up", "--regoin", "x"], "Unknown option '--regoin'"],
    [["up", "--region", "Hong Kong"], "\"Hong Kong\" can't be a region's name: use a to z, 0 to 9 and -, at most 16 characters, a letter first"],
    [["ssh"], "ssh takes one host; a command goes after --"],
    [["status", "--", "ls"], "a command goes with ssh only"],
  ] as const) {
    const { status, stdout, stderr } = labSync(...args);
    t.same([status, stdout, stderr], [3, "", `lab: ${text}; see lab.mts --help\n`], args.join(" ") || "nothing");
  }
});

t.test("without root it says so in one line", { skip: process.getuid?.() !== 0 && "is about root's doing without" }, async (t) => {
  const script = `process.getuid = () => 1000; const { main } = await import("./lib/lab/cli.mts"); process.exitCode = await main(process.argv.slice(1));`;
  for (const verb of ["up", "down", "status"]) {
    const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script, verb], { cwd: root, encoding: "utf8" });
    t.same([status, stderr], [1, "lab: the lab needs root: it makes network namespaces and boots containers; run the same command with sudo\n"], verb);
  }
});

t.test("it runs from any folder", async (t) => {
  t.match(spawnSync(join(root, "playbooks/lab.mts"), ["--help"], { cwd: "/", encoding: "utf8" }), { status: 0, stdout: /^Usage/m });
});
