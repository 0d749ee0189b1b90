/** Rules as a person would write them, from nft's JSON. For reading only: no decision hangs on this text. */
import { isList, isObject, type Json, single, text } from './json.ts';

const LONGEST = 240;

function value(json: Json): string {
  if (typeof json === 'string' || typeof json === 'number' || typeof json === 'boolean') return String(json);
  if (isList(json)) return json.map(value).join(',');
  const e = single(json);
  if (!e) return '?';
  if (e.key === 'set') {
    const list = isList(e.value) ? e.value : [e.value];
    const shown = list.slice(0, 6).map(value).join(', ');
    return `{ ${shown}${list.length > 6 ? `, … ${list.length - 6} more` : ''} }`;
  }
  if (e.key === 'range' && isList(e.value)) return e.value.map(value).join('-');
  if (e.key === 'concat' && isList(e.value)) return e.value.map(value).join(' . ');
  if (e.key === '|' && isList(e.value)) return e.value.map(value).join(' | ');
  if (e.key === '&' && isList(e.value)) return e.value.map(value).join(' & ');
  if (!isObject(e.value)) return `${e.key} ${value(e.value)}`;
  if (e.key === 'prefix') return `${value(e.value.addr ?? '?')}/${value(e.value.len ?? '?')}`;
  if (e.key === 'payload') {
    return `${value(e.value.protocol ?? e.value.base ?? '?')} ${value(e.value.field ?? e.value.offset ?? '?')}`;
  }
  if (e.key === 'meta') {
    const name = text(e.value.key) ?? '?';
    return /^[io]if(name)?$/.test(name) ? name : `meta ${name}`;
  }
  if (e.key === 'ct') return `ct ${value(e.value.key ?? '?')}`;
  if (e.key === 'elem') return value(e.value.val ?? '?');
  return e.key;
}

function statementText(json: Json): string {
  const s = single(json);
  if (!s) return '?';
  if (s.key === 'match' && isObject(s.value)) {
    const op = text(s.value.op);
    const shown = op === '==' || op === 'in' ? '' : `${op} `;
    return `${value(s.value.left ?? '?')} ${shown}${value(s.value.right ?? '?')}`;
  }
  if ((s.key === 'jump' || s.key === 'goto') && isObject(s.value))
    return `${s.key} ${value(s.value.target ?? '?')}`;
  if (s.key === 'set' && isObject(s.value)) return `${value(s.value.op ?? '')} ${value(s.value.set ?? '')}`;
  if (s.key === 'vmap' && isObject(s.value)) return `${value(s.value.key ?? '?')} vmap …`;
  if (s.key === 'limit' && isObject(s.value)) {
    return `limit ${s.value.inv === true ? 'over ' : ''}${value(s.value.rate ?? '?')}/${value(s.value.per ?? '?')}`;
  }
  return s.key === 'counter' ? '' : s.key;
}

/** The rule in nft's own syntax, nearly; cut at 240 characters. */
export function ruleText(expressions: readonly Json[]): string {
  const line = expressions
    .map(statementText)
    .filter((s) => s !== '')
    .join(' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
