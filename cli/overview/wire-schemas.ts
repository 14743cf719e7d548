import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { checkout } from '../../tools/setup/places.mjs';
import type { OwnShape } from '../json/own-shape.ts';
import { type AddedMember, type VerbShape, verbShapes } from '../json/verb-shapes.ts';
import { enumerations } from '../json/wire-json.ts';
import { ownShapes } from './own-shapes.ts';

type Schema = Readonly<Record<string, unknown>>;
type MessageSchema = Schema & Readonly<{ properties: Readonly<Record<string, Schema>>; required: readonly string[] }>;
type Field = Readonly<{ name: string; type: string; repeated: boolean; optional: boolean; about: string }>;
type Message = Readonly<{ about: string; fields: readonly Field[]; choices: ReadonlyMap<string, readonly Field[]> }>;
export type Contract = Readonly<{ messages: ReadonlyMap<string, Message>; enums: ReadonlySet<string> }>;

/** The JSON Schema (2020-12) of what each verb prints with `--json`, by its verb: one line of it, where there may be several. */
export function jsonSchemas(contract = readContract()): ReadonlyMap<string, Schema> {
  const ofMessages = Object.entries(verbShapes).map(
    ([verb, shape]) => [verb, schemaOf(verb, shape, contract)] as const,
  );
  const ofOwn = Object.entries(ownShapes).map(([verb, shape]) => [verb, ownSchemaOf(verb, shape)] as const);
  return new Map([...ofMessages, ...ofOwn].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function headOf(verb: string, version: number): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:testudo:json:${verb.replaceAll(' ', '-')}:${version}`,
    title: `testudo ${verb} --json`,
  };
}

function ownSchemaOf(verb: string, { shape, version }: OwnShape): Schema {
  return { ...z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }), ...headOf(verb, version) };
}

/** Messages and enumerations of the contract, as far as our own .proto files write them. */
export function readContract(): Contract {
  const folder = join(checkout, 'proto', 'testudo', 'v1');
  const messages = new Map<string, Message>();
  const enums = new Set<string>();
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [, title = ''] of text.matchAll(/^enum (\w+) \{/gm)) enums.add(title);
    for (const [, about = '', title = '', body = ''] of text.matchAll(
      /((?:^\/\/.*\n)*)^message (\w+) \{(\}|[\s\S]*?\n\})/gm,
    )) {
      messages.set(title, { about: prose(about), ...membersOf(body) });
    }
  }
  return { messages, enums };
}

function membersOf(body: string): Pick<Message, 'fields' | 'choices'> {
  const choices = new Map<string, readonly Field[]>();
  const rest = body.replace(/^ {2}oneof (\w+) \{([\s\S]*?)^ {2}\}/gm, (_, name: string, inner: string) => {
    choices.set(camel(name), fieldsIn(inner));
    return '';
  });
  return { fields: fieldsIn(rest), choices };
}

function fieldsIn(body: string): readonly Field[] {
  const field = /((?:^ *\/\/.*\n)*)^ +(repeated |optional )?([\w.]+) (\w+) = \d+(?: \[[^\]]*\])?;/gm;
  return [...body.matchAll(field)].map(([, about = '', rule = '', type = '', name = '']) => {
    return {
      name: camel(name),
      type,
      repeated: rule === 'repeated ',
      optional: rule === 'optional ',
      about: prose(about),
    };
  });
}

function prose(comment: string): string {
  return comment
    .replace(/^ *\/\/ ?/gm, '')
    .trim()
    .replaceAll('\n', ' ');
}

function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function schemaOf(verb: string, { message, adds = {}, version }: VerbShape, contract: Contract): Schema {
  const parts = Object.values(adds).flatMap((type) => messageIn(type) ?? []);
  const { $defs, root } = closureOf(message, parts, contract);
  const { properties, required, ...rest } = root;
  const added = Object.entries(adds).map(([name, type]) => [name, addedOf(type, properties[name])] as const);
  const always = Object.entries(adds).filter(
    ([, type]) => typeof type === 'string' || ('how' in type && type.how !== 'optional'),
  );
  return {
    ...headOf(verb, version),
    ...rest,
    properties: { ...properties, ...Object.fromEntries(added) },
    required: [...new Set([...always.map(([name]) => name), ...required])],
    $defs,
  };
}

/** The message of the contract that a member is, by its capital. */
function messageIn(type: AddedMember): string | undefined {
  if (typeof type === 'string') return undefined;
  const name = 'perhaps' in type ? type.perhaps : type.of;
  return /^[A-Z]/.test(name) ? name : undefined;
}

/** `text`: what the message has under this name. */
function addedOf(type: AddedMember, text: Schema | undefined): Schema {
  if (typeof type !== 'string' && 'perhaps' in type) {
    const name = messageIn(type);
    return { anyOf: [name === undefined ? { type: type.perhaps } : { $ref: `#/$defs/${name}` }, { type: 'null' }] };
  }
  if (typeof type !== 'string') {
    const one = { $ref: `#/$defs/${type.of}` };
    return type.how === 'list' ? { type: 'array', items: one } : one;
  }
  switch (type) {
    case 'strings':
      return { type: 'array', items: { type: 'string' } };
    case 'numbers':
      return { type: 'array', items: { type: 'number' } };
    case 'json':
      return { ...text, type: 'object' };
    default:
      return { type };
  }
}

const nothing: MessageSchema = { type: 'object', properties: {}, required: [], additionalProperties: false };

/** A message, and by name all that it and `parts` are made of. */
function closureOf(
  wanted: string | undefined,
  parts: readonly string[],
  contract: Contract,
): Readonly<{ root: MessageSchema; $defs: Schema }> {
  const made = new Map<string, Schema>();
  const make = (name: string): MessageSchema => {
    const message = contract.messages.get(name);
    if (message === undefined) throw new Error(`schemas: the contract has no message ${name}`);
    const used: string[] = [];
    const properties = new Map(
      message.fields.map((field) => [field.name, withAbout(field, typeOf(field, contract, used))]),
    );
    for (const [choice, fields] of message.choices) properties.set(choice, choiceOf(fields, contract, used));
    const required = message.fields.filter((field) => isAlwaysThere(field, contract)).map(({ name: own }) => own);
    const schema = {
      type: 'object',
      ...(message.about === '' ? {} : { description: message.about }),
      properties: Object.fromEntries(properties),
      required,
      additionalProperties: false,
    };
    define(used);
    return schema;
  };
  const define = (names: readonly string[]) => {
    for (const name of names) {
      if (made.has(name)) continue;
      made.set(name, {}); // Messages may hold their own kind.
      made.set(name, make(name));
    }
  };
  const root = wanted === undefined ? { ...nothing } : make(wanted);
  define(parts);
  return { root, $defs: Object.fromEntries([...made].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function withAbout({ about }: Field, schema: Schema): Schema {
  return about === '' ? schema : { description: about, ...schema };
}

/** A message that is left out is absent; a list is empty, and a scalar its zero. */
function isAlwaysThere({ type, repeated, optional }: Field, { messages }: Contract): boolean {
  return repeated || !(optional || messages.has(type));
}

function choiceOf(fields: readonly Field[], contract: Contract, used: string[]): Schema {
  const cases = fields.map((field) => ({
    type: 'object',
    properties: { $case: { const: field.name }, value: withAbout(field, typeOf(field, contract, used)) },
    required: ['$case', 'value'],
    additionalProperties: false,
  }));
  return { anyOf: cases };
}

function typeOf({ name, type, repeated }: Field, contract: Contract, used: string[]): Schema {
  const one = scalar(name, type, contract, used);
  return repeated ? { type: 'array', items: one } : one;
}

function scalar(name: string, type: string, { messages, enums }: Contract, used: string[]): Schema {
  if (messages.has(type)) {
    used.push(type);
    return { $ref: `#/$defs/${type}` };
  }
  if (enums.has(type)) return { enum: namesOf(name, type) };
  switch (type) {
    case 'string':
      return { type: 'string' };
    case 'bytes':
      return { type: 'string', contentEncoding: 'base64' };
    case 'bool':
      return { type: 'boolean' };
    case 'double':
    case 'float':
      return { anyOf: [{ type: 'number' }, { type: 'null' }] }; // NaN is null.
    case 'uint64':
    case 'int64':
      return { anyOf: [{ type: 'integer' }, { type: 'string' }] }; // A text from 2^53 on.
    case 'uint32':
    case 'int32':
      return { type: 'integer' };
    default:
      throw new Error(`schemas: ${name} is of type ${type}, which no schema is known for`);
  }
}

function namesOf(field: string, type: string): readonly string[] {
  if (!(field in enumerations))
    throw new Error(`schemas: ${type} ${field} is named by no table of cli/json/wire-json.ts`);
  const [values, prefix] = enumerations[field as keyof typeof enumerations];
  const names = Object.keys(values).filter((key) => key.startsWith(prefix));
  return names.map((key) => key.replace(prefix, '').toLowerCase());
}
