import { Command } from '@commander-js/extra-typings';
import { print } from './print.ts';

/** The verb `schema` of whatever has such a file: its JSON Schema. `what`: the file, as people call it. */
export function schemaCommand(what: string, schema: () => object) {
  return new Command('schema')
    .description(`the JSON Schema of ${what}, for editors: every setting with its range and default`)
    .action(() => print(JSON.stringify(schema(), null, 2)));
}
