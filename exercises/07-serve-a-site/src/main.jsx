import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { edition, ferries } from "./ferries.js";

// The path in the address is this page's own: /north is no file anywhere.
function usePath() {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const follow = () => setPath(location.pathname);
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, []);
  const go = (event) => {
    event.preventDefault();
    history.pushState(null, "", event.target.href);
    setPath(location.pathname);
  };
  return [path, go];
}

function Timetable() {
  const [path, go] = usePath();
  const ferry = ferries.find((each) => `/${each.name}` === path);
  return (
    <>
      <h1>Ferry timetable</h1>
      <nav>{ferries.map(({ name, pier }) => <a key={name} href={`/${name}`} onClick={go}>{pier} </a>)}</nav>
      {ferry ? <p>{ferry.pier}: {ferry.leaves.join(", ")}</p> : <p>Choose a pier.</p>}
      <footer>Edition {edition}</footer>
    </>
  );
}

render(<Timetable />, document.getElementById("app"));
