// A playbook with a mistake in it, for boot.test.mts.
interface Wrong {
  what: string;
}

function boom({ what }: Wrong): never {
  throw new TypeError(what);
}

const at: Wrong = { what: "a mistake of ours" };
if (process.argv.includes("--later")) setTimeout(() => boom(at), 1);
else boom(at);
