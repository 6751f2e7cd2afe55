import { Secret } from "../../secret.mts";
import type { ClusterTarget, Credential, Dial, Node } from "../target.mts";
import type { BenchProgress, BenchResult, BenchSpec } from "./types.mts";

/** What the generator's process reads on stdin: one line of JSON. It holds credentials, so it goes nowhere else. */
export interface Job {
  /** names subjects and streams of this run */
  id: string;
  spec: BenchSpec;
  cluster: string;
  /** `at`: where the node is reached from the generator, when that isn't its own address */
  nodes: (Node & { at?: { host: string; port: number } })[];
  ca?: string;
  sys: PlainCredential;
  app: PlainCredential;
}
export type PlainCredential = { nkeySeed: string } | { user: string; password: string };

/** What it writes on stdout: one line of JSON each. */
export type Told =
  | { type: "progress"; progress: BenchProgress }
  | { type: "result"; result: BenchResult }
  | { type: "failed"; message: string; next?: string; usage?: readonly string[] };

/** A secret's JSON is `***`: here its value is meant to travel. */
export const plain = (c: Credential): PlainCredential => ("user" in c ? { user: c.user, password: c.password.reveal() } : { nkeySeed: c.nkeySeed.reveal() });

const credential = (c: PlainCredential): Credential =>
  "user" in c ? { user: c.user, password: new Secret(c.password) } : { nkeySeed: new Secret(c.nkeySeed) };

/** What nats.js's connections need, and where they find the nodes. */
export function targetOf({ cluster, nodes, ca, sys, app }: Job): { target: ClusterTarget; dial: Dial } {
  return {
    target: { name: cluster, nodes, ...(ca !== undefined && { tls: { ca } }), sys: credential(sys), app: credential(app) },
    dial: async (node) => nodes.find((n) => n.name === node.name)?.at ?? node,
  };
}
