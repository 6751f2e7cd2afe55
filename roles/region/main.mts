import { UsageError } from "../../lib/inventory/types.mts";
import { invoked } from "../../lib/invoked.mts";
import { Left } from "../../lib/playbook/questions.mts";
import { checkRegion } from "./check.mts";
import { makeRegion } from "./new.mts";
import { regionOptions, usage } from "./options.mts";

/** region.mts: @returns its exit status */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = regionOptions(argv);
    if (options === "help") {
      process.stdout.write(usage(invoked("region")));
      return 0;
    }
    return await (options.verb === "new" ? makeRegion(options) : checkRegion(options));
  } catch (error) {
    if (error instanceof Left) {
      process.stderr.write("\nleft; nothing was written\n");
      return 130;
    }
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.lines.join("\n")}\n`);
    return 3;
  }
}
