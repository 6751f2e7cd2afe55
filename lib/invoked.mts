/** How a playbook was called, for what its user may type after that: `./playbooks/site.mts`, or `sampan site`. */
export const invoked = (playbook: string): string => process.env["SAMPAN_COMMAND"] ?? `./playbooks/${playbook}.mts`;
