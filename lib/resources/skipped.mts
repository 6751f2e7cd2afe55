import { type Resource, resource } from "../engine/resource.mts";

/** The same resource, left alone for a reason that is known from the facts; without a reason it is as it was. */
export const skipped = (reason: string | undefined, r: Resource): Resource => (reason === undefined ? r : resource({ ...r, skip: reason }));
