import { spawn } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import { root } from "../lab/fixture.mts";

/** Asks both ways at a terminal, each answer typed when its question is there. @returns all that the screen showed, and the exit status */
async function asked(...answers: readonly (readonly [question: string, answer: string])[]): Promise<{ screen: string; status: number | null }> {
  const program = `
    const { confirm } = await import("./lib/playbook/questions.mts");
    const { withPassword } = await import("./lib/playbook/password.mts");
    console.log("confirmed:", await confirm("Are these the keys?"));
    const [host] = (await withPassword())([{ connection: { become: true } }]);
    console.log("length:", host.connection.become_password.reveal().length);`;
  const child = spawn("script", ["-qec", 'node --import tsx --input-type=module --eval "$PROGRAM"', "/dev/null"], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: "", PROGRAM: program },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const due = [...answers];
  let screen = "";
  child.stdout.setEncoding("utf8").on("data", (d: string) => {
    screen += d;
    if (due[0] && screen.includes(due[0][0])) child.stdin.write(due.shift()![1]);
  });
  const [status] = (await once(child, "close")) as [number | null];
  return { screen, status };
}

t.test("a password isn't shown, also after another question", async (t) => {
  const { screen, status } = await asked(["Are these the keys?", "y\n"], ["sudo password: ", "secret word\n"]);
  t.equal(status, 0, screen);
  t.match(screen, /confirmed: true/);
  t.match(screen, /length: 11/);
  t.notMatch(screen, /secret/);
});

t.test("Ctrl-C and Ctrl-D at the password: left in a line, status 130", async (t) => {
  for (const key of ["\x03", "\x04"]) {
    const { screen, status } = await asked(["Are these the keys?", "n\n"], ["sudo password: ", key]);
    t.equal(status, 130, screen);
    t.match(screen, /confirmed: false[^]*sudo password: \r?\nleft; nothing was done\r?\n$/);
  }
});
