"""A notebook in JupyterLab, used as a learner does: by menu, button and key."""

import re
from typing import Self

from playwright.sync_api import Locator, Page, expect

RUN_SECONDS = 180   # for all cells of a lesson; a few seconds on a warm machine
WARM_SECONDS = 60   # for JupyterLab to load and the kernel to start
_KERNEL_IDLE = re.compile(r"^Python .*\| Idle$")
_VIEW = ".jp-NotebookPanel:not(.lm-mod-hidden)"

ERROR = ("[data-mime-type='application/vnd.jupyter.stderr'], "
         "[data-mime-type='application/vnd.jupyter.error']")

# Marks outputs of an earlier run, to tell new ones from them.
_MARK = "view => view.querySelectorAll('.jp-OutputArea-child').forEach(o => o.dataset.old = '')"
# A run is over when every cell has a new count, or an error has stopped it.
_OVER = """([view, error]) => {
  const shown = document.querySelector(view);
  const prompts = [...shown.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(p => p.textContent.trim());
  const all = prompts.length && prompts.every(p => /^\\[\\d+\\]:$/.test(p))
    && !shown.querySelector('.jp-OutputArea-child[data-old]');
  const stopped = shown.querySelector(error) && !prompts.some(p => p.includes('*'));
  return (all || stopped)
    && shown.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status === 'idle';
}"""
_STARTED = """() => [...document.querySelectorAll('%s .jp-InputPrompt')]
  .some(prompt => prompt.textContent.includes('*'))""" % _VIEW
_EXTENT = """view => {
  const cells = [...view.querySelectorAll('.jp-Notebook .jp-Cell')];
  return cells.at(-1).getBoundingClientRect().bottom - cells[0].getBoundingClientRect().top;
}"""
_TOP = "view => view.querySelector('.jp-WindowedPanel-outer').scrollTop = 0"
_AROUND = 220   # pixels of menus and bars above and below the cells


class Notebook:
    """The notebook that a page shows."""

    def __init__(self, page: Page):
        self.page = page
        self.view = page.locator(_VIEW)

    @classmethod
    def open(cls, page: Page, address: str, token: str, path: str) -> Self:
        """Open `path` and wait until its kernel answers."""
        page.goto(f"{address}/lab/tree/{path}?reset&token={token}")
        notebook = cls(page)
        expect(notebook.view.locator(".jp-CodeCell").first).to_be_attached(timeout=WARM_SECONDS * 1000)
        notebook.await_idle(WARM_SECONDS)
        return notebook

    def await_idle(self, seconds: float) -> None:
        """Wait until there is a kernel and no cell waits for it."""
        # The notebook's own indicator says idle before there is a kernel; the status
        # bar does not. But it says idle when a widget was answered in a running cell.
        kernel = self.page.locator("#jp-main-statusbar").get_by_text(_KERNEL_IDLE)
        expect(kernel).to_be_attached(timeout=seconds * 1000)
        waiting = self.view.locator(".jp-InputPrompt", has_text="*")
        expect(waiting).to_have_count(0, timeout=seconds * 1000)

    # -- what a learner does -----------------------------------------------------

    def choose(self, menu: str, item: str) -> None:
        """Click an item of the menu bar."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(item)}$")).click()

    def run_all(self) -> None:
        self.view.evaluate(_MARK)
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(_STARTED)

    def restart_and_run_all(self) -> None:
        self.view.evaluate(_MARK)
        self.choose("Run", "Restart Kernel and Run All Cells\u2026")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        self.page.wait_for_function(_STARTED)

    def interrupt(self) -> None:
        """Press the square button of the tool bar."""
        self.view.get_by_role("button", name="Interrupt the kernel").click()

    def run(self, cell: Locator) -> None:
        """Run one cell by key and wait for its new output."""
        cell.evaluate(_MARK)
        cell.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Control+Enter")
        expect(cell.locator(".jp-OutputArea-child[data-old]")).to_have_count(0)
        expect(self.prompt(cell)).to_have_text(re.compile(r"\[\d+\]:"))

    def start(self, cell: Locator) -> None:
        """Run a cell by key, without waiting."""
        cell.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Control+Enter")

    # -- what is shown ----------------------------------------------------------

    def await_run(self, seconds: float = RUN_SECONDS) -> None:
        """Wait until every cell has run again, or one has failed."""
        self.page.wait_for_function(_OVER, arg=[_VIEW, ERROR], timeout=seconds * 1000)

    def cell(self, source: str) -> Locator:
        """The code cell whose source contains `source`."""
        code = self.page.locator(".cm-content", has_text=source)
        return self.view.locator(".jp-CodeCell").filter(has=code).first

    @staticmethod
    def output(cell: Locator) -> Locator:
        return cell.locator(".jp-Cell-outputArea")

    @staticmethod
    def prompt(cell: Locator) -> Locator:
        return cell.locator(".jp-InputPrompt")

    def counts(self) -> list[str]:
        """The execution counts of the code cells."""
        prompts = self.view.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()
        return [text.strip("[]: \u00a0") for text in prompts]

    def violations(self) -> list[str]:
        """axe-core's findings in the outputs only: 'rule: element'."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, {"include": [[f"{_VIEW} .jp-OutputArea-output"]]}).response["violations"]
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    def choose_theme(self, name: str) -> None:
        """Change the theme in the menu while the notebook is open."""
        self.page.get_by_role("menuitem", name="Settings", exact=True).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Theme$")).hover()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(name)}$")).click()
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)

    def fold_files(self) -> None:
        """Hide the file browser, or show it again."""
        self.page.locator(".jp-SideBar.jp-mod-left .lm-TabBar-tab[data-id=filebrowser]").click()

    def show_all(self, width: int) -> None:
        """Make the window `width` wide and high enough for all cells."""
        height = 900
        for _ in range(10):   # cells get their final height only when visible
            self.page.set_viewport_size({"width": width, "height": height})
            self.view.evaluate(_TOP)
            wanted = round(self.view.evaluate(_EXTENT)) + _AROUND
            if wanted == height:
                return
            height = wanted
