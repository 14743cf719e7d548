/** What the story came to; figures are of what happened. */
export type AntibodyTale = Readonly<{
  family: string;
  maker: string;
  /** Of the traces that the maker saw: how many raised an alarm and were confirmed, and how many different ones all of them are. */
  seen: number;
  confirmed: number;
  examples: number;
  finder: string;
  /** Of the traces that the finder saw later: alarms, those that look like the antibody, and those of them where the model alone was silent. */
  later: number;
  alarms: number;
  alike: number;
  byAntibodyAlone: number;
  /** What the finder's agent says of each antibody. */
  remarks: readonly string[];
  seconds: number;
}>;
