import t from "tap";
import type { Failure } from "../../lib/engine/events.mts";
import { type FailureContext, failureLines } from "../../lib/report/failure.mts";
import { golden } from "./golden.mts";

const where: FailureContext = {
  lane: "nats-node-2",
  role: "cluster-config",
  task: "service nats-server",
  location: { file: "/site/roles/cluster-config/tasks.mts", line: 42 },
  cwd: "/site",
};
const cases: [name: string, failure: Failure, context?: Partial<FailureContext>][] = [
  [
    "all it knows",
    {
      what: "nats-server didn't start",
      command: "systemctl start nats-server",
      exit: 1,
      output: "Job failed.\nSee journalctl.\n",
      next: "read its journal: journalctl -u nats-server",
    },
  ],
  ["only what", { what: "something" }],
  ["no location", { what: "no answer" }, { role: undefined, task: "unreachable", location: undefined }],
  ["outside the working directory", { what: "x" }, { cwd: "/elsewhere" }],
  ["command not found", { what: "x", command: "nats-server -t", exit: 127 }],
  ["killed", { what: "x", command: "sleep 100", exit: 137 }],
  ["timed out", { what: "x", command: "sleep 100", exit: 124 }],
  ["several lines", { what: "first\nsecond", command: "if true; then\n  false\nfi", exit: 1, next: "do this\nthen that" }],
  ["nothing printed", { what: "x", output: "" }],
  ["long output", { what: "x", output: Array.from({ length: 40 }, (_, i) => `line ${i + 1}`).join("\n") }],
  ["hostile output", { what: "x\x1b[2J", output: "\x1b[31mred\x1b[0m\x07\r\nrow\x00\n" }],
];

t.test("failure sentences", async (t) => {
  golden(t, "failures.txt", cases.map(([name, failure, context]) => `# ${name}\n${failureLines(failure, { ...where, ...context }).join("\n")}\n`).join("\n"));
});

for (const part of [
  "nats-node-2",
  "cluster-config",
  "service nats-server",
  "roles/cluster-config/tasks.mts:42",
  "systemctl start nats-server",
  "exit status 1",
  "Job failed.",
  "journalctl -u nats-server",
]) {
  t.test(`a failure names ${part}`, async (t) => void t.match(failureLines(cases[0]![1], where).join("\n"), part));
}
