export interface MadeFrom {
  sources: string[];
  headers: string[];
}
export const FOLDER: string;
export const BUILT: string;
export const MODULES: Record<string, MadeFrom>;
export function sourceHash(made_from: MadeFrom, names: string[]): string;
export function build(made_from: MadeFrom): Promise<Uint8Array>;
