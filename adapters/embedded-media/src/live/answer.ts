/** RFC 8445 section 5.1.2.1: host candidates, component 1. Earlier addresses are preferred. */
const HOST_PREFERENCE = 126;

/**
 * Replaces the candidates of an answer by the addresses we were told to give out, and nothing else: which interfaces
 * the box has is no browser's business.
 */
export function advertise(answer: string, hosts: readonly string[], port: number): string {
  const candidates = hosts.map((host, i) => {
    const priority = HOST_PREFERENCE * 2 ** 24 + (65_535 - i) * 2 ** 8 + 255;
    return `a=candidate:${i + 1} 1 udp ${priority} ${host} ${port} typ host`;
  });
  return answer
    .split(/(?<=\n)(?=m=)/)
    .map((section, index) => {
      const lines = section
        .split(/\r?\n/)
        .filter((line) => !/^a=(candidate|end-of-candidates)/.test(line) && line !== '');
      const rewritten = lines.map((line) =>
        line.replace(/^c=.*$/s, 'c=IN IP4 0.0.0.0').replace(/^(m=\S+ )[1-9]\d* /, '$19 '),
      );
      // With BUNDLE the first section's candidates are everybody's (RFC 9143 section 7.1.2).
      if (index === 1) rewritten.push(...candidates, 'a=end-of-candidates');
      return `${rewritten.join('\r\n')}\r\n`;
    })
    .join('');
}
