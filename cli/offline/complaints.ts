/** Of a file of another kind every line is wrong: so many complaints are said at most. */
const saidMax = 20;

/** The first complaints, how many more there are, and the last, which says what became of the whole. */
export function abridged(complaints: readonly string[]): readonly string[] {
  if (complaints.length <= saidMax) return complaints;
  return [...complaints.slice(0, saidMax - 1), `and ${complaints.length - saidMax} more`, ...complaints.slice(-1)];
}

/** The same of complaints that are said as they come: `rest` says how many more there were. */
export class FirstComplaints {
  readonly #say: (text: string) => void;
  #count = 0;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  readonly add = (text: string): void => {
    this.#count += 1;
    if (this.#count <= saidMax) this.#say(text);
  };

  rest(): void {
    if (this.#count > saidMax) this.#say(`and ${this.#count - saidMax} more`);
  }
}
