// Command lines that a person can paste into a shell.
/** Text in a command line, quoted where the shell needs it. */
const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
export const commandLine = (...words: string[]): string => words.map(word).join(' ');
