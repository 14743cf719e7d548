import { expect, it } from 'vitest';
import { addOnPlaces, addOnTarget } from './places.mjs';

const everybodys = '/usr/local/lib/testudo/add-ons/k1';

it('add-ons lie where one user finds them, or every user of the machine, or where the environment says alone', () => {
  expect(addOnPlaces('k1', { HOME: '/home/ada' })).toEqual(['/home/ada/.local/share/testudo/add-ons/k1', everybodys]);
  const shared = { HOME: '/home/ada', XDG_DATA_HOME: '/data/ada' };
  expect(addOnPlaces('k1', shared)).toEqual(['/data/ada/testudo/add-ons/k1', everybodys]);
  expect(addOnPlaces('k1', { ...shared, TESTUDO_ADD_ONS: '/opt/add-ons' })).toEqual(['/opt/add-ons/k1']);
});

it('who may write for everybody puts them there, and another user finds them there; anybody else puts them at home', () => {
  const ada = { HOME: '/home/ada' };
  const isRoot = process.getuid?.() === 0;
  expect(addOnTarget('k1', ada)).toBe(isRoot ? everybodys : '/home/ada/.local/share/testudo/add-ons/k1');
  expect(addOnPlaces('k1', { HOME: '/home/bob' }).includes(addOnTarget('k1', ada))).toBe(isRoot);
  expect(addOnTarget('k1', { ...ada, TESTUDO_ADD_ONS: '/opt/add-ons' })).toBe('/opt/add-ons/k1');
});
