"""Cut a graph of one step into regions: a prologue, products side by side, an epilogue.

Nodes of one leaf module stay together. A block joins the latest region among those it reads, which
keeps the order of regions an order of execution, unless a boundary lies between: that region is
closed, the block multiplies what was multiplied there, or it sums over more than one head of it.
Whatever only looks at memory in another way is repeated in each region that reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from math import prod

from torch.fx import Graph
from torch.fx import Node

from pytest_compiledai.kernels.capture import operators as known


@dataclass(slots=True, kw_only=True)
class Piece:
    """One place of a region in the graph."""

    nodes: list[Node] = field(default_factory=list)
    tainted: set[Node] = field(default_factory=set)  # they depend on a product in here
    width: int = 0  # elements that the widest product in here makes
    closed: bool = False
    boundary: str = ""


@dataclass(slots=True)
class _Block:
    nodes: list[Node]

    @property
    def inputs(self) -> list[Node]:
        inside = set(self.nodes)
        return [n for node in self.nodes for n in node.all_input_nodes if n not in inside]

    @property
    def heavy(self) -> bool:
        return any(known.is_heavy(node) for node in self.nodes)

    @property
    def row(self) -> int:
        """The longest stretch of one result that a sum in here needs whole; 0 for none."""
        found = [0]
        for node in self.nodes:
            if known.is_row_sum(node):
                first = known.shape_of(node.args[0])
                found.append(prod(first[axis] for axis in known.reduced(node)))
        return max(found)


def is_view(node: Node) -> bool:
    """Return whether readers take their own copy of a node."""
    if node.op != "call_function":
        return False
    name = known.name_of(node)
    return name in known.VIEWS or (name in known.CONSTANTS and not node.all_input_nodes)


def cut(graph: Graph, leaves: frozenset[str], states: Mapping[Node, Node]) -> list[Piece]:
    """Return the pieces of ``graph`` in an order in which they can run.

    ``leaves`` are the paths of modules without children; ``states`` maps a node that writes into a
    buffer, or reads one, to the placeholder of that buffer.
    """
    return _Cutter(states).cut(_blocks(graph, leaves))


class _Cutter:
    def __init__(self, states: Mapping[Node, Node]) -> None:
        self.states = states
        self.pieces: list[Piece] = []
        self.place: dict[Node, int] = {}
        self.touched: dict[Node, int] = {}  # buffer -> latest piece that read or wrote it

    def cut(self, blocks: Iterable[_Block]) -> list[Piece]:
        for block in blocks:
            sources = self._sources(block)
            latest = max((self.place[node] for node in sources if node in self.place), default=-1)
            buffers = self._buffers(block)
            latest = max([latest, *(self.touched.get(buffer, -1) for buffer in buffers)])
            index = latest if latest >= 0 and self._joins(block, sources, latest) else self._new()
            self._add(block, sources, index)
            for buffer in buffers:
                self.touched[buffer] = index
        return self.pieces

    def _new(self) -> int:
        self.pieces.append(Piece())
        return len(self.pieces) - 1

    def _sources(self, block: _Block) -> list[Node]:
        """Return what the block reads, seen through views."""
        found: list[Node] = []
        queue = block.inputs
        while queue:
            node = queue.pop()
            if is_view(node):
                queue += node.all_input_nodes
            else:
                found.append(node)
        return found

    def _buffers(self, block: _Block) -> set[Node]:
        return {
            self.states[n]
            for node in block.nodes
            for n in [node, *node.all_input_nodes]
            if n in self.states
        }

    def _joins(self, block: _Block, sources: Iterable[Node], index: int) -> bool:
        piece = self.pieces[index]
        if all(known.name_of(node) == "getitem" for node in block.nodes):
            return True
        if piece.closed or _boundary(block) or any(map(known.is_closed, block.nodes)):
            return False
        after = any(node in piece.tainted for node in sources)
        if block.heavy and after:
            return False
        return not (after and block.row and block.row >= piece.width)

    def _add(self, block: _Block, sources: Iterable[Node], index: int) -> None:
        piece = self.pieces[index]
        piece.nodes += block.nodes
        self.place.update(dict.fromkeys(block.nodes, index))
        if block.heavy or any(node in piece.tainted for node in sources):
            piece.tainted.update(block.nodes)
        if block.heavy:
            widths = [prod(known.shape_of(n)) for n in block.nodes if known.is_heavy(n)]
            piece.width = max([piece.width, *widths])
        piece.boundary = piece.boundary or _boundary(block)
        piece.closed = piece.closed or bool(piece.boundary)
        piece.closed = piece.closed or any(map(known.is_closed, block.nodes))


def _boundary(block: _Block) -> str:
    """Return why nothing may be fused with a block; "" where something may."""
    for node in block.nodes:
        if not known.contract_of(node):
            return f"{known.target_of(node)}: an operator that no template knows"
    return ""


def _blocks(graph: Graph, leaves: frozenset[str]) -> Iterable[_Block]:
    """Yield runs of nodes of one leaf module, and every other node alone; views stay out."""
    current: list[Node] = []
    inside = ""
    for node in graph.nodes:
        if node.op != "call_function" or is_view(node):
            if is_view(node) and inside and module_of(node) == inside:
                continue  # a view in the middle of a module does not end its run
            continue
        path = module_of(node)
        if current and (path != inside or path not in leaves):
            yield _Block(current)
            current = []
        inside = path
        current.append(node)
    if current:
        yield _Block(current)


def module_of(node: Node) -> str:
    """Return the path of the innermost module that a node comes from."""
    stack = node.meta.get("nn_module_stack") or {}
    return next(reversed(stack.values()))[0] if stack else ""
