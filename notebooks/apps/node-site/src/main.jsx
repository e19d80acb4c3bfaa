import { render } from "preact";
import { useState } from "preact/hooks";
import { dishes } from "./menu.js";
import "./style.css";

function Dish({ name, minutes }) {
  const [orders, setOrders] = useState(0);
  return (
    <li>
      {name}, {minutes} minutes{" "}
      <button onClick={() => setOrders(orders + 1)}>Order ({orders})</button>
    </li>
  );
}

function DiningRoom() {
  return (
    <>
      <h1>The dining room</h1>
      <p>Cooked with {__BUILT_WITH__}. The kitchen stayed behind.</p>
      <ul>{dishes.map((dish) => <Dish key={dish.name} {...dish} />)}</ul>
    </>
  );
}

render(<DiningRoom />, document.getElementById("app"));
