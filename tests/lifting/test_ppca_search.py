import numpy as np
import pytest
import torch

from lift3d.lifting.ppca_forms import pack, pose_products, view_forms
from lift3d.lifting.ppca_hidden import HiddenJoints, InverseStore, swept
from lift3d.lifting.ppca_mixture import PPCAMixture
from lift3d.lifting.ppca_search import ViewSearch
from lift3d.lifting.ppca_view import camera_rotations

NOISE = 0.02**2
TILTS = (0.1, 0.4)


@pytest.fixture(scope="module")
def mixture(lifter) -> PPCAMixture:
    """Return two Gaussians: the fitted one, and one with other proportions."""
    one = lifter.model_.components[0].leading(5)
    other = type(one)(one.mean * [0.8, 1.1, 1.2], one.basis, 2 * one.variances, 1.5 * one.noise)
    return PPCAMixture((one, other), np.array([0.7, 0.3]))


@pytest.fixture(scope="module")
def forms(mixture):
    """Return the forms of 2 Gaussians x 2 tilts x 9 azimuths."""
    return view_forms(
        mixture,
        azimuths=9,
        tilts=TILTS,
        noise=NOISE,
        tilt_prior=True,
        device=torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def joints(mixture) -> np.ndarray:
    """Return (12, 17, 2) noisy pictures of the mean from several sides, centred."""
    rng = np.random.default_rng(0)
    angles = torch.from_numpy(rng.uniform([-3, 0, 0], [3, 0.5, 1e-6], (12, 3)))
    rotation = camera_rotations(angles).numpy()
    seen = np.einsum("ndc,lc->nld", rotation, mixture.components[0].mean)[..., :2]
    seen = seen + rng.normal(0, 0.03, seen.shape)
    return seen - seen.mean(axis=1, keepdims=True)


def least_squares(mixture, forms, f, joints, weights):
    """Return cost over the noise and the solution of eq. 5 at form f, by a plain solver."""
    one = mixture.components[int(forms.cluster[f])]
    rotation = camera_rotations(forms.angles[f].double()).numpy()
    shapes = np.concatenate([one.basis, one.mean[None]]) @ rotation.T  # (J + 1, L, 3)
    J = len(one.basis)
    columns = np.zeros((34, J + 3))
    columns[0::2, 0] = columns[1::2, 1] = 1
    columns[:, 2:] = shapes[..., :2].reshape(J + 1, 34).T
    root = np.sqrt(np.repeat(weights, 2))
    prior = np.zeros((J, J + 3))
    prior[:, 2:-1] = np.diag(np.sqrt((one.noise + NOISE) / one.variances))
    A = np.concatenate([columns * root[:, None], prior])
    b = np.concatenate([joints.reshape(34) * root, np.zeros(J)])
    x = np.linalg.lstsq(A, b, rcond=None)[0]
    return np.sum((A @ x - b) ** 2) / (one.noise + NOISE), x, shapes, J


def test_products_and_packed_forms_give_the_quadratic_form():
    rng = np.random.default_rng(1)
    forms = torch.from_numpy(rng.normal(size=(3, 8, 8)))
    forms = forms + forms.mT
    centring = torch.eye(4, dtype=torch.float64) - 0.25
    both = torch.kron(centring, torch.eye(2, dtype=torch.float64))
    forms = both @ forms @ both  # a shift does not count
    values, vectors = np.linalg.eigh(both.numpy())
    reduction = torch.from_numpy(vectors[:, values > 0.5].copy())
    poses = torch.from_numpy(rng.normal(size=(6, 8)))

    found = pose_products(poses, reduction) @ pack(forms, reduction).T

    expected = torch.einsum("np,fpq,nq->nf", poses, forms, poses)
    torch.testing.assert_close(found, expected)


def test_every_form_is_the_cost_of_a_least_squares_solver(mixture, forms, joints):
    flat = torch.from_numpy(joints).float().flatten(1)
    costs = pose_products(flat, forms.reduction) @ forms.packed

    for n in range(3):
        for f in range(0, 36, 5):
            cost, x, shapes, J = least_squares(mixture, forms, f, joints[n], np.ones(17))
            assert float(costs[n, f]) == pytest.approx(cost, rel=1e-3, abs=0.02)
            np.testing.assert_allclose(forms.solve[f] @ flat[n], x, atol=1e-4)
            assert float(flat[n] @ forms.scale[:, f]) == pytest.approx(x[-1], abs=1e-4)
            pose = np.einsum("k,klc->lc", x[2:], shapes)
            placed = (forms.place[f] @ flat[n]).numpy()
            np.testing.assert_allclose(placed[:51].reshape(17, 3), pose, atol=1e-4)
            np.testing.assert_allclose(placed[51:], [x[0], x[1], x[-1]], atol=1e-4)
            assert J == 5


@pytest.mark.parametrize("hidden", [[7], [3, 13], [0, 2, 9, 16]])
def test_hidden_joints_cost_what_a_solver_says_that_does_not_see_them(
    mixture, forms, joints, hidden
):
    visible = np.ones(17, dtype=bool)
    visible[hidden] = False
    seen = np.where(visible[:, None], joints, 0.0)
    search = ViewSearch(forms, torch.zeros(1), azimuths=9, tilts=2)
    found = search.search(
        torch.from_numpy(seen).float(), torch.from_numpy(np.tile(visible, (12, 1)))
    )

    for n in range(12):
        best = least_squares(mixture, forms, int(found.form[n, 0]), seen[n], visible * 1.0)
        np.testing.assert_allclose(found.solution[n, 0], best[1], atol=5e-4)


@pytest.mark.parametrize("hidden", [0, 2, 5])
def test_energies_are_log_densities_of_the_seen_joints_but_for_a_constant(
    mixture, forms, joints, hidden
):
    """Against the Gaussian density with a nearly flat prior on shift and scale."""
    rng = np.random.default_rng(2)
    visible = np.ones((12, 17), dtype=bool)
    for row in visible:
        row[rng.choice(17, hidden, replace=False)] = False
    seen = np.where(visible[..., None], joints, 0.0)
    search = ViewSearch(forms, torch.zeros(1), azimuths=9, tilts=2)
    found = search.search(
        torch.from_numpy(seen).float(), torch.from_numpy(visible) if hidden else None, modes=4
    )
    flat = 1e4  # variance of shift and scale

    for n in (0, 5):
        energies, expected = [], []
        for m in range(4):
            if found.energy[n, m] == torch.inf:
                continue
            f = int(found.form[n, m])
            one = mixture.components[int(forms.cluster[f])]
            rotation = camera_rotations(forms.angles[f].double()).numpy()
            shapes = np.concatenate([one.basis, one.mean[None]]) @ rotation.T
            columns = shapes[..., :2].reshape(6, 34).T
            variances = np.append(one.variances, flat)
            covariance = columns * variances @ columns.T + (one.noise + NOISE) * np.eye(34)
            covariance += flat * np.kron(np.ones((17, 17)), np.eye(2))
            rows = np.repeat(visible[n], 2)
            covariance, y = covariance[np.ix_(rows, rows)], seen[n].reshape(34)[rows]
            energy = 0.5 * y @ np.linalg.solve(covariance, y)
            energy += 0.5 * np.linalg.slogdet(covariance)[1]
            energy -= np.log(mixture.weights[int(forms.cluster[f])])
            tilt = float(forms.angles[f, 1])
            energy += 0.5 * ((tilt - np.radians(15)) / np.radians(20)) ** 2
            energies.append(float(found.energy[n, m]))
            expected.append(energy)
        assert len(energies) >= 2
        np.testing.assert_allclose(np.diff(energies), np.diff(expected), atol=0.03)


def test_the_best_view_is_the_lowest_of_all_with_a_positive_scale(forms, joints):
    flat = torch.from_numpy(joints).float()
    search = ViewSearch(forms, torch.zeros(1), azimuths=9, tilts=2)

    found = search.search(flat, None)

    y = flat.flatten(1)
    energy = 0.5 * torch.einsum("np,fpq,nq->nf", y, forms.dense, y) + forms.offset
    energy[(y @ forms.scale) <= 0] = torch.inf
    torch.testing.assert_close(found.energy[:, 0], energy.min(dim=1).values, atol=0.01, rtol=1e-4)
    assert (found.form[:, 0] == energy.argmin(dim=1)).all()


def test_blocks_of_poses_and_forgotten_sets_change_nothing(forms, joints, monkeypatch):
    visible = torch.from_numpy(np.random.default_rng(3).random((12, 17)) > 0.2)
    seen = torch.where(visible[..., None], torch.from_numpy(joints).float(), 0.0)
    whole = ViewSearch(forms, torch.zeros(1), azimuths=9, tilts=2).search(seen, visible)

    monkeypatch.setattr("lift3d.lifting.ppca_search.MOST", 5)
    monkeypatch.setattr("lift3d.lifting.ppca_hidden.BUDGET", 1)
    monkeypatch.setattr("lift3d.lifting.ppca_hidden.REMEMBERED", 1)
    monkeypatch.setattr("lift3d.lifting.ppca_hidden.CACHE", 1)
    parts = ViewSearch(forms, torch.zeros(1), azimuths=9, tilts=2).search(seen, visible)

    assert (whole.form == parts.form).all()
    torch.testing.assert_close(whole.energy, parts.energy, atol=0.01, rtol=1e-4)
    torch.testing.assert_close(whole.solution, parts.solution, atol=1e-4, rtol=1e-4)


def test_swept_matrices_are_inverses():
    root = np.random.default_rng(4).normal(size=(7, 6, 6))
    matrices = root @ root.transpose(0, 2, 1) + np.eye(6)

    inverse, log_det = swept(torch.from_numpy(matrices.transpose(1, 2, 0).copy()))

    np.testing.assert_allclose(inverse.numpy().transpose(2, 0, 1), np.linalg.inv(matrices))
    np.testing.assert_allclose(log_det, np.linalg.slogdet(matrices)[1])


def test_a_set_of_hidden_joints_is_made_once(forms):
    store = InverseStore(forms, 4, lambda store, floats: None)
    sets = torch.tensor([[2, 3, 8, 9], [0, 1, 4, 5], [2, 3, 8, 9]])

    assert store.slots(sets).tolist() == [0, 1, 0]
    first = store.inverse[0].clone()
    assert store.slots(sets[1:]).tolist() == [1, 0]
    assert torch.equal(store.inverse[0], first)
    block = forms.dense[4][[2, 3, 8, 9]][:, [2, 3, 8, 9]]
    torch.testing.assert_close(first[4] @ block, torch.eye(4), atol=1e-3, rtol=0)


def test_all_sets_together_are_kept_within_the_room_that_there_is(forms, monkeypatch):
    rng = np.random.default_rng(5)
    F, most = len(forms.offset), 4 * len(forms.offset) * (8 * 8 + 1)
    monkeypatch.setattr("lift3d.lifting.ppca_hidden.REMEMBERED", most)
    hidden, form = HiddenJoints(forms), torch.zeros(1, 1, dtype=torch.long)
    for count in (1, 4, 2, 4, 4, 3, 1, 4, 2, 2, 3):
        visible = torch.ones(1, 17, dtype=torch.bool)
        visible[0, rng.choice(17, count, replace=False)] = False
        hidden.filled(torch.zeros(1, 1, 34), form, visible)
        kept = [store.floats for store in hidden._sets.values()]
        assert F * (4 * count * count + 1) <= sum(kept) <= most
