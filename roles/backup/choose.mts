/** Whether a name is meant by one of some patterns (`*` stands for anything); without any pattern all are. */
export const wanted = (patterns: readonly string[], name: string): boolean =>
  patterns.length === 0 || patterns.some((pattern) => new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(name));

/** Those of `names` that are meant, in their order. @throws Error for a pattern that means none */
export function choose<T extends { name: string }>(all: readonly T[], patterns: readonly string[], where: string): T[] {
  const stray = patterns.find((pattern) => !all.some(({ name }) => wanted([pattern], name)));
  if (stray !== undefined)
    throw Object.assign(new Error(`${where} has no stream "${stray}"`), {
      next: all.length ? `it has ${all.map(({ name }) => name).join(", ")}` : "it has none",
    });
  return all.filter(({ name }) => wanted(patterns, name));
}

export const numberText = (value: number): string => value.toLocaleString("en-US");
