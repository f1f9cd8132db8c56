import { Graph, layout } from "@dagrejs/dagre";

/** A state of Amazon States Language, with the fields that the console shows. */
interface State {
  readonly Type: string;
  readonly Comment?: string;
  readonly Resource?: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Catch?: readonly { readonly Next: string }[];
}

export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** Whether an error leads along it. */
  readonly isCatch: boolean;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A state's box; x and y are its center. */
export interface Box extends Point {
  readonly name: string;
  readonly type: string;
  readonly width: number;
  readonly height: number;
}

export interface Line extends Edge {
  readonly points: readonly Point[];
}

export interface StateGraph {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

const boxHeight = 40;
const smallBoxHeight = 28;
/** Between boxes beside each other. */
const boxGap = 28;
/** Between boxes below each other. */
const rankGap = 26;
/** Between the states and the lane of those that only an error reaches: room for the line that all Catch edges share. */
const laneGap = 56;

/** Returns the transitions of a definition. A transition that is also made without an error is no Catch. */
export function edgesOf({ States: states }: Definition): readonly Edge[] {
  return Object.entries(states).flatMap(([from, { Next, Default, Choices = [], Catch = [] }]) => {
    const next = new Set([Next, ...Choices.map((choice) => choice.Next), Default].filter((name) => name !== undefined));
    const caught = new Set(Catch.map((each) => each.Next).filter((name) => !next.has(name)));
    return [
      ...[...next].map((to) => ({ from, to, isCatch: false })),
      ...[...caught].map((to) => ({ from, to, isCatch: true })),
    ];
  });
}

/**
 * Lays out the graph from top to bottom. The states that only an error reaches stand in a lane on the right, because
 * most states have an edge to them.
 */
export function layOut(definition: Definition): StateGraph {
  const edges = edgesOf(definition);
  const main = reachable(definition, edges);
  const lane = Object.keys(definition.States).filter((name) => !main.has(name));
  const left = place(definition, [...main], edges);
  const right = place(definition, lane, edges);
  const shift = { x: left.width + laneGap, y: Math.max(0, left.height - right.height) };
  const boxes = [...left.boxes, ...right.boxes.map((box) => ({ ...box, x: box.x + shift.x, y: box.y + shift.y }))];
  const laneLines = right.lines.map((line) => ({
    ...line,
    points: line.points.map(({ x, y }) => ({ x: x + shift.x, y: y + shift.y })),
  }));
  const boxOf = new Map(boxes.map((box) => [box.name, box]));
  const crossing = edges.flatMap((edge) => {
    const [from, to] = [boxOf.get(edge.from), boxOf.get(edge.to)];
    if (!from || !to || main.has(edge.from) === main.has(edge.to)) return [];
    const isBlocked = left.boxes.some(({ x, y }) => x > from.x && Math.abs(y - from.y) < boxHeight / 2);
    return [{ ...edge, points: alongBus(from, to, left.width + laneGap / 2, isBlocked) }];
  });
  return {
    width: lane.length > 0 ? shift.x + right.width : left.width,
    height: Math.max(left.height, right.height),
    boxes,
    lines: [...left.lines, ...laneLines, ...crossing],
  };
}

/** The states that an execution can reach without an error. */
function reachable({ StartAt }: Definition, edges: readonly Edge[]): ReadonlySet<string> {
  const found = new Set([StartAt]);
  // A set also visits the members that are added during the loop.
  for (const name of found) {
    for (const { from, to, isCatch } of edges) {
      if (from === name && !isCatch) found.add(to);
    }
  }
  return found;
}

function place({ States: states }: Definition, names: readonly string[], edges: readonly Edge[]): StateGraph {
  if (names.length === 0) return { width: 0, height: 0, boxes: [], lines: [] };
  const graph = new Graph<
    { readonly width?: number; readonly height?: number },
    { width: number; height: number; x: number; y: number },
    { points: Point[] }
  >();
  graph.setGraph({ rankdir: "TB", nodesep: boxGap, ranksep: rankGap, edgesep: 14, marginx: 8, marginy: 8 });
  for (const name of names) graph.setNode(name, { ...sizeOf(name, states[name]?.Type ?? ""), x: 0, y: 0 });
  const inside = edges.filter(({ from, to }) => graph.hasNode(from) && graph.hasNode(to));
  const story = longestPath(names, inside);
  for (const { from, to } of inside) {
    const isStory = story.indexOf(to) === story.indexOf(from) + 1 && story.includes(from);
    graph.setEdge(from, to, { points: [], weight: isStory ? 20 : 1 });
  }
  layout(graph);
  const boxes = names.map((name) => ({ name, type: states[name]?.Type ?? "", ...graph.node(name) }));
  const lines = inside.map((edge) => ({ ...edge, points: graph.edge(edge.from, edge.to).points }));
  const { width = 0, height = 0 } = graph.graph();
  return { width, height, boxes, lines };
}

/** The path with the most states. It is drawn as a straight line, and the shortcuts of choices lead around it. */
function longestPath(names: readonly string[], edges: readonly Edge[]): readonly string[] {
  const paths = new Map<string, readonly string[]>();
  const from = (name: string, visited: ReadonlySet<string>): readonly string[] => {
    const known = paths.get(name);
    if (known) return known;
    const next = edges.filter((edge) => edge.from === name && !visited.has(edge.to));
    const rest = next.map(({ to }) => from(to, new Set([...visited, to])));
    const path = [name, ...rest.reduce((longest, each) => (each.length > longest.length ? each : longest), [])];
    paths.set(name, path);
    return path;
  };
  const [first] = names;
  return first === undefined ? [] : from(first, new Set([first]));
}

function sizeOf(name: string, type: string): { readonly width: number; readonly height: number } {
  const isSmall = type !== "Task";
  const width = Math.min(290, Math.max(isSmall ? 92 : 160, 50 + name.length * (isSmall ? 7 : 8)));
  return { width, height: isSmall ? smallBoxHeight : boxHeight };
}

/**
 * Leads a line from the right side of a box to the shared line at `x`, along it, and to the left side of the other box.
 *
 * @param isBlocked whether another box stands in the way: the line then passes below it, and does not seem to begin there
 */
function alongBus(from: Box, to: Box, x: number, isBlocked: boolean): readonly Point[] {
  const start = { x: from.x + from.width / 2, y: from.y };
  const end = { x: to.x - to.width / 2, y: to.y };
  const below = from.y + boxHeight / 2 + rankGap / 2;
  const aside = start.x + boxGap / 2;
  const detour = isBlocked
    ? [
        { x: aside, y: start.y },
        { x: aside, y: below },
      ]
    : [];
  return [start, ...detour, { x, y: isBlocked ? below : start.y }, { x, y: end.y }, end];
}
