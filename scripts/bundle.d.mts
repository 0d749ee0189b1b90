/** Bundles one program (a TypeScript entry point) into one executable file that needs no node_modules. */
export function bundle(entry: string, outfile: string): Promise<void>;
