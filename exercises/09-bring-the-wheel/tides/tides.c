/* A module for Python in C: how high the water stands, by the rule of twelfths. */
#include <Python.h>

/* After each of the six hours of a rising tide, in twelfths of its range. */
static const int risen[] = {0, 1, 3, 6, 9, 11, 12};

static PyObject *height(PyObject *self, PyObject *args)
{
    int hour;
    double range;

    if (!PyArg_ParseTuple(args, "id", &hour, &range))
        return NULL;
    if (hour < 0 || hour > 6) {
        PyErr_SetString(PyExc_ValueError, "a tide rises for six hours");
        return NULL;
    }
    return PyFloat_FromDouble(range * risen[hour] / 12);
}

static PyMethodDef methods[] = {
    {"height", height, METH_VARARGS, "Metres above low water, HOUR hours after it."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "tides", .m_size = -1, .m_methods = methods,
};

PyMODINIT_FUNC PyInit_tides(void)
{
    PyObject *made = PyModule_Create(&module);

    if (made != NULL && PyModule_AddStringConstant(made, "EDITION", "unstamped") < 0)
        Py_CLEAR(made);
    return made;
}
