/** The first line of an export: what stands before its first entry, and which is the last. */
export const exportFormat = 'testudo-journal/2';
/** Without heads and without an end: what earlier versions wrote. */
export const exportFormatBefore = 'testudo-journal/1';
