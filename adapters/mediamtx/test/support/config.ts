/** Names of the paths in a configuration file of ours: JSON below comments. */
export function pathsOf(config: string): string[] {
  const json = config
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');
  return Object.keys((JSON.parse(json) as { paths: Record<string, unknown> }).paths);
}
