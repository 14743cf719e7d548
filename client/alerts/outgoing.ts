import type { Alert } from '../scoring/alert.ts';

/** An alert on its way to a sink. */
export type Outgoing = Readonly<{
  alert: Alert;
  /** How many of the same it stands for: 1 for the alert itself. */
  repeats: number;
}>;

/** Who sends it. */
export type Sender = Readonly<{
  /** Empty before this client is a member. */
  federation: string;
  cluster: string;
  build: string;
  /** Of this machine. */
  host: string;
}>;
