import { writeReport } from "./file.mts";
import { page } from "./page/page.mts";
import { Story } from "./page/story.mts";
import type { Reporter } from "./reporter.mts";

export interface HtmlOptions {
  file: string;
  cwd?: string;
}

/** A self-contained page that loads nothing, written at the end, also of an interrupted run. */
export function html({ file, cwd = process.cwd() }: HtmlOptions): Reporter {
  const story = new Story(cwd);
  let written = false;
  return {
    event: (e) => story.event(e),
    end() {
      if (written) return;
      written = true;
      writeReport(file, page(story));
    },
  };
}
