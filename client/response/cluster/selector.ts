import type { Selector } from './facts.ts';

/** Whether a label selector of the API's selects what bears these labels. None selects nothing, an empty one everything. */
export function selects(selector: Selector | null, labels: Readonly<Record<string, string>>): boolean {
  if (selector === null) return false;
  const { matchLabels, matchExpressions } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          return true; // An operator of tomorrow: rather one budget too many than one too few.
      }
    })
  );
}
