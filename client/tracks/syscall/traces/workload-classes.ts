/** The id of workloads whose class the model was not told about; trained too, by now and then hiding the class. */
export const unknownClassId = 0;

/**
 * The workload classes of a federation, in the order of their ids, which start at 1. They are part of a model's spec: the
 * operator names them once, and every cluster then means the same class by the same id.
 */
export class WorkloadClasses {
  readonly names: readonly string[];
  /** As it stands in a spec: names with commas between. */
  readonly text: string;
  readonly #ids: ReadonlyMap<string, number>;

  /** Throws when a name could not be told apart in a spec, or when there are too many for one. */
  constructor(names: Iterable<string>) {
    this.names = [...new Set(names)];
    this.text = this.names.join(',');
    const illegal = this.names.filter((name) => !/^[^,\s]{1,64}$/.test(name));
    if (illegal.length > 0) {
      throw new RangeError(
        `workload classes: ${illegal.map((name) => JSON.stringify(name)).join(', ')} must have 1 to 64 characters without commas and spaces`,
      );
    }
    if (this.text.length > 1_024) {
      throw new RangeError(
        `workload classes: ${this.names.length} names make ${this.text.length} characters, at most 1,024 fit a model spec; join related ones`,
      );
    }
    this.#ids = new Map(this.names.map((name, index) => [name, index + 1]));
  }

  static parse(text: string): WorkloadClasses {
    return new WorkloadClasses(text === '' ? [] : text.split(','));
  }

  /** Rows of a class table: one per class and one for the unknown. */
  get count(): number {
    return this.names.length + 1;
  }

  idOf(name: string): number {
    return this.#ids.get(name) ?? unknownClassId;
  }

  nameOf(id: number): string | undefined {
    return this.names[id - 1];
  }
}
