// Barnes-Hut octree: gravity of n bodies in O(n log n).
//
// A cell that looks small enough from the body (size / distance < theta) acts as one mass at its
// centre of gravity. theta = 0.5 gives about one percent of error and is what most codes use.

#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <vector>

namespace orbit {

struct Vec3 {
    double x = 0, y = 0, z = 0;
    Vec3 operator+(const Vec3& o) const { return {x + o.x, y + o.y, z + o.z}; }
    Vec3 operator-(const Vec3& o) const { return {x - o.x, y - o.y, z - o.z}; }
    Vec3 operator*(double k) const { return {x * k, y * k, z * k}; }
    double norm2() const { return x * x + y * y + z * z; }
};

struct Body {
    Vec3 position;
    double mass = 0;
};

class Octree {
public:
    Octree(Vec3 centre, double half) : centre_(centre), half_(half) {}

    // Bodies outside of the root cell are not checked for: the caller computes the bounds.
    void insert(const Body& body, int depth = 0) {
        const double total = mass_ + body.mass;
        weighted_ = (weighted_ * mass_ + body.position * body.mass) * (1.0 / total);
        mass_ = total;
        if (++count_ == 1) {
            only_ = body;
            return;
        }
        if (depth >= kMaxDepth) return;  // coincident bodies would split for ever
        if (count_ == 2) descend(only_, depth);
        descend(body, depth);
    }

    Vec3 acceleration(const Vec3& at, double theta, double softening) const {
        if (count_ == 0) return {};
        const Vec3 delta = weighted_ - at;
        const double distance2 = delta.norm2();
        const double size = 2.0 * half_;
        const bool leaf = count_ == 1 || !has_children();
        if (leaf || size * size < theta * theta * distance2) {
            if (distance2 == 0.0) return {};  // a body does not pull itself
            const double soft = distance2 + softening * softening;
            return delta * (mass_ / (soft * std::sqrt(soft)));
        }
        Vec3 sum;
        for (const auto& child : children_) {
            if (child) sum = sum + child->acceleration(at, theta, softening);
        }
        return sum;
    }

    std::size_t size() const { return count_; }

private:
    static constexpr int kMaxDepth = 48;

    bool has_children() const {
        for (const auto& child : children_) {
            if (child) return true;
        }
        return false;
    }

    void descend(const Body& body, int depth) {
        const bool right = body.position.x >= centre_.x;
        const bool upper = body.position.y >= centre_.y;
        const bool front = body.position.z >= centre_.z;
        auto& child = children_[right | upper << 1 | front << 2];
        if (!child) {
            const double q = half_ / 2.0;
            const Vec3 offset{right ? q : -q, upper ? q : -q, front ? q : -q};
            child = std::make_unique<Octree>(centre_ + offset, q);
        }
        child->insert(body, depth + 1);
    }

    Vec3 centre_;
    double half_;
    Vec3 weighted_;
    double mass_ = 0;
    std::size_t count_ = 0;
    Body only_;
    std::array<std::unique_ptr<Octree>, 8> children_;
};

std::vector<Vec3> accelerations(const std::vector<Body>& bodies, double theta, double softening) {
    double half = 1e-9;
    for (const Body& b : bodies) {
        half = std::fmax(half, std::fmax(std::fabs(b.position.x),
                                         std::fmax(std::fabs(b.position.y), std::fabs(b.position.z))));
    }
    Octree root({0, 0, 0}, half * 1.0001);
    for (const Body& b : bodies) root.insert(b);
    std::vector<Vec3> result;
    result.reserve(bodies.size());
    for (const Body& b : bodies) result.push_back(root.acceleration(b.position, theta, softening));
    return result;
}

}  // namespace orbit
