/** First line of an inventory's file, by which editors find what may stand in it; from a folder below inventory/. */
export const modeline = (kind: "hosts" | "vars"): string => `# yaml-language-server: $schema=${kind === "hosts" ? "../.." : "../../.."}/schema/${kind}.json\n`;
