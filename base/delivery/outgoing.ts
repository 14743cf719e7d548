/** What is delivered: an alert, or anything else that people shall hear of. */
export type Deliverable = Readonly<{
  /** "a-" and 16 hexadecimal digits. */
  id: string;
  /** When it happened: RFC 3339, UTC. */
  at: string;
}>;

/** One on its way to a sink. */
export type Outgoing<Item> = Readonly<{
  item: Item;
  /** How many of the same it stands for: 1 for itself alone. */
  repeats: number;
}>;

/** Who sends it. */
export type Sender = Readonly<{
  /** Empty before this client is a member. */
  federation: string;
  /** Empty for a coordinator. */
  cluster: string;
  build: string;
  /** Of this machine. */
  host: string;
}>;

/** How one kind of thing is said in each sink's own format. Pure. */
export type Wording<Item> = Readonly<{
  /** What is the same again within a window has the same key. */
  keyOf(item: Item): string;
  /** JSON, as whoever takes webhooks gets it. */
  webhook(outgoing: Outgoing<Item>, sender: Sender): string;
  /** One message of RFC 5424, without its frame. */
  syslog(outgoing: Outgoing<Item>, sender: Sender, facility: number): string;
  /** The body of POST /api/v2/alerts. */
  alertmanager(outgoing: Outgoing<Item>, sender: Sender, nowMs: number): string;
  /** The body of POST /v1/logs. */
  otlp(outgoing: Outgoing<Item>, sender: Sender, nowMs: number): string;
  /** A Detection Finding of the Open Cybersecurity Schema Framework. */
  ocsf(outgoing: Outgoing<Item>, sender: Sender): object;
}>;
